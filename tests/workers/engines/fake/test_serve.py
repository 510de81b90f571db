"""The fake engine's real process, started by hand and spoken to over HTTP."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.workloads import eventually

Start = Callable[..., "Running"]
MESSAGES = [{"role": "user", "content": "Where do ships sleep?"}]


class Running:
    """One engine process and its address."""

    def __init__(self, address_file: Path, *flags: str) -> None:
        command = [sys.executable, "-S", "-m", "workers.engines.fake.serve"]
        command += ["--address-file", str(address_file), "--tokens-per-s", "0", *flags]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        eventually(lambda: address_file.exists() or self.process.poll() is not None)
        self.url = f"http://{address_file.read_text()}" if address_file.exists() else ""

    def ready(self) -> "Running":
        eventually(lambda: httpx.get(f"{self.url}/health").status_code == 200)
        return self

    def chat(self, **body: Any) -> httpx.Response:
        content = {"messages": MESSAGES, "seed": 1, "max_tokens": 20, **body}
        return httpx.post(f"{self.url}/v1/chat/completions", json=content, timeout=20)

    def text(self, **body: Any) -> str:
        answer = self.chat(**body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["choices"][0]["message"]["content"])

    def busy(self) -> int:
        return sum(slot["is_processing"] for slot in httpx.get(f"{self.url}/slots").json())


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Running] = []

    def begin(*flags: str) -> Running:
        started.append(Running(tmp_path / f"address-{len(started)}", *flags))
        return started[-1]

    yield begin
    for one in started:
        one.process.kill()
        one.process.communicate(timeout=10)


def test_answers_follow_the_seed_and_vary(start: Start) -> None:
    engine = start().ready()
    first = engine.text()
    assert engine.text() == first
    assert engine.text(seed=2) != first
    assert len({engine.text(seed=None) for _ in range(4)}) > 1
    with httpx.stream(
        "POST",
        f"{engine.url}/v1/chat/completions",
        json={"messages": MESSAGES, "seed": 1, "max_tokens": 20, "stream": True},
    ) as answer:
        events = [line[6:] for line in answer.iter_lines() if line]
    chunks = [json.loads(event)["choices"][0] for event in events[:-1]]
    assert "".join(chunk["delta"].get("content") or "" for chunk in chunks) == first
    assert chunks[-1]["finish_reason"] == "length"


def test_limits_and_stop_strings_end_an_answer(start: Start) -> None:
    engine = start().ready()
    body = engine.chat(max_tokens=3).json()
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 3
    whole = engine.text(max_tokens=60)
    stop = whole[20:26]
    cut = engine.chat(max_tokens=60, stop=stop).json()["choices"][0]
    assert cut["finish_reason"] == "stop"
    assert cut["message"]["content"] == whole[: whole.index(stop)]


def test_loading_answers_503_until_it_is_over(start: Start) -> None:
    engine = start("--startup-delay-s", "5")
    answer = httpx.get(f"{engine.url}/health")
    assert answer.status_code == 503
    assert answer.json()["error"]["message"] == "Loading model"
    assert engine.chat().status_code == 503
    engine.ready()


def test_a_client_that_hangs_up_stops_the_work(start: Start) -> None:
    engine = start("--parallel-sequences", "1").ready()
    body = {"messages": MESSAGES, "stream": True, "fake": {"stall_after_tokens": 2}}
    with httpx.stream("POST", f"{engine.url}/v1/chat/completions", json=body) as answer:
        lines = answer.iter_lines()
        assert next(lines)
        assert engine.busy() == 1
    eventually(lambda: engine.busy() == 0)
    assert engine.text()


def test_more_requests_than_slots_wait(start: Start) -> None:
    engine = start("--parallel-sequences", "2").ready()
    slow = {"fake": {"first_token_delay_s": 2.0}}
    threads = [threading.Thread(target=engine.chat, kwargs=slow) for _ in range(5)]
    for thread in threads:
        thread.start()
    page = eventually(
        lambda: text if "deferred 3" in (text := httpx.get(f"{engine.url}/metrics").text) else ""
    )
    assert "llamacpp:requests_processing 2\n" in page
    for thread in threads:
        thread.join(timeout=20)
    eventually(lambda: "deferred 0" in httpx.get(f"{engine.url}/metrics").text)


def test_a_crash_that_is_asked_for_ends_the_process(start: Start) -> None:
    engine = start().ready()
    with pytest.raises(httpx.TransportError):
        engine.chat(fake={"crash_after_tokens": 2})
    assert engine.process.wait(timeout=10) == 86


def test_term_lets_answers_end(start: Start) -> None:
    engine = start().ready()
    body = {"messages": MESSAGES, "stream": True, "seed": 1, "fake": {"tokens_per_s": 50}}
    with httpx.stream("POST", f"{engine.url}/v1/chat/completions", json=body) as answer:
        lines = answer.iter_lines()
        seen = [next(lines)]
        engine.process.send_signal(signal.SIGTERM)
        seen += list(lines)
    assert "data: [DONE]" in seen
    assert engine.process.wait(timeout=10) == 0


def test_term_does_not_wait_for_ever(start: Start) -> None:
    engine = start("--drain-s", "0.2", "--stall-after-tokens", "1").ready()
    body = {"messages": MESSAGES, "stream": True}
    with httpx.stream("POST", f"{engine.url}/v1/chat/completions", json=body):
        engine.process.send_signal(signal.SIGTERM)
        assert engine.process.wait(timeout=10) == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"[" * 100_000, 400),
        (b"{}", 400),
        (b'{"messages": [1]}', 400),
        (b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": "many"}', 400),
        (b'{"messages": [{"role": "user", "content": "x"}], "stop": [1]}', 400),
        (b'{"messages": [{"role": "user", "content": "x"}], "fake": {"rate": 1}}', 400),
        (b'{"messages": [{"role": "user", "content": "x"}], "fake": {"tokens_per_s": -1}}', 400),
        (json.dumps({"messages": [{"role": "user", "content": "x " * 9000}]}).encode(), 400),
        (b" " * (11 << 20), 413),
    ],
)
def test_bad_requests_are_refused(start: Start, body: bytes, status: int) -> None:
    engine = start().ready()
    answer = httpx.post(f"{engine.url}/v1/chat/completions", content=body)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert engine.text()


def test_other_pages_and_methods(start: Start) -> None:
    engine = start().ready()
    assert httpx.get(f"{engine.url}/nothing").status_code == 404
    assert httpx.get(f"{engine.url}/v1/chat/completions").status_code == 405
    first, again, other = (
        httpx.post(f"{engine.url}/v1/embeddings", json={"input": text}).json()["data"][0]
        for text in ("sea", "sea", "sky")
    )
    assert first == again != other
    assert sum(value**2 for value in first["embedding"]) == pytest.approx(1)


def test_a_taken_port_is_told(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        engine = start("--port", str(taken.getsockname()[1]))
        assert engine.process.wait(timeout=10) == 1
        assert engine.process.stderr is not None
        assert "error PORT_IN_USE" in engine.process.stderr.read()


def test_it_listens_on_loopback_alone_and_stays_small(start: Start) -> None:
    engine = start().ready()
    process = psutil.Process(engine.process.pid)
    assert {c.laddr.ip for c in process.net_connections() if c.status == "LISTEN"} == {"127.0.0.1"}
    assert process.memory_info().rss < 24 << 20
