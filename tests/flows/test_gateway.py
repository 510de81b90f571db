"""The gateway from outside: a whole Slipway, three real engines, and what programs do with them.

One Slipway for all: llama.cpp as a process, llama-server in a container on a machine of its own, a
shared Ollama server. Judged by OpenAI's own client, the REST API and the files that are left.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from controlplane.web.connect import snippets
from tests.docker_engine import new_engine
from tests.docker_images import BUSYBOX, LLAMACPP
from tests.flows.gateway_house import ENGINES, GatewayHouse, is_local, listening
from tests.flows.house import House, free_port, wait_for
from tests.ollama_server import OllamaHouse
from tests.requirements import need

pytestmark = [pytest.mark.slow]
CANARY = "canary-7f3b1d9e-prompt"
WRITTEN_S = 20.0
HELLO: Any = [{"role": "user", "content": f"Say hello to {CANARY}."}]
SUM: Any = [{"role": "user", "content": "What is 1 + 1?"}]
NO_MESSAGES: Any = "nothing"
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}
FORMAT: Any = {
    "type": "json_schema",
    "json_schema": {"name": "a", "strict": True, "schema": SCHEMA},
}
TOOL: Any = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayHouse]:
    for name in ("docker", "llama-server", "ollama", "valkey", "smollm2", "xllamacpp"):
        need(name)
    folder = tmp_path_factory.mktemp("gateway")
    with (
        new_engine(machine=True, tls=True) as engine,
        OllamaHouse(folder / "ollama") as ollama,
        House(
            folder / "data",
            SLIPWAY_FIRST_MODEL="0",
            SLIPWAY_DEMO="1",
            SLIPWAY_HOST="0.0.0.0",  # noqa: S104 - what is seen of it from elsewhere is a test
        ) as house,
    ):
        engine.load(BUSYBOX, LLAMACPP)
        house.start_and_wait()
        made = GatewayHouse(house, engine, ollama)
        small = {"threads": 1}
        made.deploy(
            ("process", "llamacpp", ["here"], 1, {**small, "embeddings": True}),
            ("docker", "llamacpp", ["box"], 1, {**small, "embeddings": True}),
            ("ollama", "ollama", ["lan"], 1, small),
            ("slow", "fake", ["here"], 1, {"tokens_per_s": 4.0}),
        )
        with closing(made.api):
            yield made


@pytest.mark.parametrize("name", ENGINES)
def test_openais_client_and_a_real_engine(it: GatewayHouse, name: str) -> None:
    """Chat, stream, tools, structured output, embeddings, leaving, errors, and what is written."""
    before = len(it.usage(name))
    with it.client() as client:
        whole = client.chat.completions.create(
            model=name, messages=HELLO, max_tokens=8, temperature=0, seed=1
        )
        chunks = list(
            client.chat.completions.create(
                model=name, messages=HELLO, max_tokens=8, temperature=0, seed=1, stream=True,
                stream_options={"include_usage": True},
            )
        )  # fmt: skip
        structured = client.chat.completions.create(
            model=name, messages=SUM, response_format=FORMAT, max_tokens=60, temperature=0
        )
        vectors = client.embeddings.create(model=name, input=["one", "two"])
        leave(client, name)
        refused(client, name)
        offered = offer_a_tool(client, name)
    said = whole.choices[0].message.content
    assert said
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == said
    assert chunks[-1].usage == whole.usage or chunks[-1].usage.completion_tokens == 8
    assert isinstance(json.loads(structured.choices[0].message.content or "")["answer"], int)
    assert [len(one.embedding) for one in vectors.data] == [576, 576]
    written(it, name, before, whole.usage)
    assert offered


def leave(client: openai.OpenAI, name: str) -> None:
    """Read a little of a long answer, then go: the engine has to be free for the next one."""
    stream = client.chat.completions.create(
        model=name, messages=HELLO, stream=True, max_tokens=400, temperature=1.5
    )
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            break
    stream.close()
    began = time.monotonic()
    client.chat.completions.create(model=name, messages=SUM, max_tokens=1)
    assert time.monotonic() - began < 60


def refused(client: openai.OpenAI, name: str) -> None:
    """The engine's own refusal, and ours, come as the client's own classes."""
    with pytest.raises(openai.APIStatusError) as no_messages:
        client.chat.completions.create(model=name, messages=NO_MESSAGES)
    assert 400 <= no_messages.value.status_code < 500
    with pytest.raises(openai.NotFoundError) as absent:
        client.chat.completions.create(model=f"{name}-absent", messages=SUM)
    assert absent.value.code == "model_not_found"
    with pytest.raises(openai.UnprocessableEntityError):
        client.chat.completions.create(model=name, messages=SUM, n=9)


def offer_a_tool(client: openai.OpenAI, name: str) -> bool:
    """SmolLM2 has no words for tools: llama.cpp answers as if there were none, Ollama says no."""
    try:
        answer = client.chat.completions.create(
            model=name, messages=SUM, tools=[TOOL], max_tokens=2
        )
    except openai.BadRequestError as error:
        return "does not support tools" in str(error)
    return bool(answer.choices[0].message.content or answer.choices[0].message.tool_calls)


def written(it: GatewayHouse, name: str, before: int, usage: object) -> None:
    """Each request once, with its key, host, engine and the tokens that the client was told."""
    wait_for(lambda: len(it.usage(name)) >= before + 7, WRITTEN_S, lambda: str(it.usage(name)))
    records = it.usage(name)[: len(it.usage(name)) - before]
    host = {"process": "here", "docker": "box", "ollama": "lan"}[name]
    assert {one["host"] for one in records} == {host}
    assert {one["engine"] for one in records} == {"ollama" if name == "ollama" else "llamacpp"}
    assert {one["status"] for one in records} >= {"ok", "cancelled"}
    first, streamed = records[-1], records[-2]
    for record in (first, streamed):
        assert record["completion_tokens"] == usage.completion_tokens  # type: ignore[attr-defined]
        assert record["prompt_tokens"] == usage.prompt_tokens  # type: ignore[attr-defined]
    assert streamed["first_token_ms"] > 0


@pytest.mark.parametrize("name", ["process", "ollama"])
def test_the_connect_pages_program_for_ollama(it: GatewayHouse, name: str, tmp_path: Path) -> None:
    """Ollama's own client, whatever engine answers, by a key that has this face; not by another."""
    (text,) = [one.text for one in snippets(it.house.url, name) if one.key == "ollama"]
    program = tmp_path / "chat.py"
    program.write_text(text + "\n")

    def run(key: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "SLIPWAY_API_KEY": key}
        command = [sys.executable, str(program)]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    done = run(it.new_key(f"face-{name}", ollama_face=True)["key"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert run(it.key).returncode != 0


def test_what_listens_and_where(it: GatewayHouse) -> None:
    """S2: seen from another machine there is the front door alone, and it wants a key."""
    processes = it.house.processes()
    door = it.house.port
    ports = {c.laddr.port for p in processes for c in listening(p)}
    open_to_all = {
        c.laddr.port for p in processes for c in listening(p) if not is_local(c.laddr.ip)
    }
    assert door in ports
    assert len(ports) >= 2  # the engine's too
    assert open_to_all == {door}
    reached = {port for port in ports if it.reached_from_elsewhere(port)}
    assert reached == {door}
    with httpx.Client(base_url=f"http://127.0.0.1:{door}", trust_env=False) as stranger:
        for path in ("/v1/models", "/v1/chat/completions", "/api/tags", "/api/v1/deployments"):
            assert stranger.get(path).status_code == 401, path
        for path in ("/invocations", "/pause", "/metrics", "/slots", "/props", "/api/pull"):
            assert stranger.get(path).status_code in (302, 401, 404), path


def test_a_revoked_key_is_refused_everywhere_and_ends_its_streams(it: GatewayHouse) -> None:
    """S8: in the web process and in a gateway of its own, within 5 s; open streams within 30 s."""
    other = free_port()
    made = it.new_key("to-be-revoked")
    with it.another_gateway(other), ExitStack() as stack:
        clients = [stack.enter_context(it.http(made["key"], p)) for p in (it.house.port, other)]
        for client in clients:
            wait_for(lambda c=client: answers(c), 60, it.told)  # type: ignore[misc]
        streams = [stack.enter_context(stream_of(client)) for client in clients]
        pieces = [stream.iter_raw() for stream in streams]
        assert all(next(one) for one in pieces)
        answer = it.api.delete(f"/gateway-keys/{made['key_id']}")
        assert answer.is_success, answer.text
        began = time.monotonic()
        for client in clients:
            wait_for(lambda c=client: c.get("/v1/models").status_code == 401, 20)  # type: ignore[misc]
        refused_after = time.monotonic() - began
        for one in pieces:
            told = b"".join(one)
            assert b"invalid_api_key" in told
            assert b"[DONE]" not in told
        ended_after = time.monotonic() - began
    assert refused_after < 5
    assert ended_after < 30


def answers(client: httpx.Client) -> bool:
    """Return whether a gateway lists its models."""
    with suppress(httpx.TransportError):
        return client.get("/v1/models").status_code == 200
    return False


def test_an_engine_that_dies_in_the_middle_is_told_and_not_asked_again(it: GatewayHouse) -> None:
    """F22: what came stays, then an error event, and no end that looks like one."""
    with it.http() as client:
        wait_for(lambda: "ready" in it.states("slow"), 120, it.told)
        with stream_of(client) as response:
            pieces = response.iter_raw()
            told = next(pieces)
            for process in it.engine_processes("slow"):
                process.kill()
            told += b"".join(pieces)
    assert b"content" in told
    assert b"engine_died" in told
    assert b"[DONE]" not in told


def stream_of(client: httpx.Client) -> AbstractContextManager[httpx.Response]:
    """Begin an answer that takes minutes."""
    wish = {"model": "slow", "messages": SUM, "stream": True, "max_tokens": 900}
    return client.stream("POST", "/v1/chat/completions", json=wish)


def test_a_machine_that_is_cut_off_is_left_alone(it: GatewayHouse) -> None:
    """F7: packets are dropped in silence. Who was asked there is asked elsewhere, then nobody is.

    Were it asked on, half of the requests would wait to connect: 80 s of them. Three do, and one
    until the kernel gives a kept connection up.
    """
    it.deploy(("spread", "llamacpp", ["here", "box"], 2, {"threads": 1, "parallel_sequences": 4}))
    it.api.put("/deployments/spread/gateway", json={"timeouts": {"connect_s": 4.0}})
    hosts = {one["host"] for one in ask_many(it, 24)}
    assert hosts == {"here", "box"}
    it.engine.unplug()
    try:
        began = time.monotonic()
        assert {ask(it, "spread").status_code for _ in range(40)} == {200}
        assert time.monotonic() - began < 60
    finally:
        it.engine.plug_in()
    restarts = (
        "select r.restarts from models_app_replica r join models_app_deployment d"
        " on r.deployment_id = d.id join models_app_host h on r.host_id = h.id"
        " where d.name = 'spread' and h.name = 'box'"
    )
    assert it.rows(restarts) == [(0,)]  # what becomes of the replica: test_docker_host.py


def ask(it: GatewayHouse, name: str, **more: object) -> httpx.Response:
    """Ask for two tokens."""
    with it.http() as client:
        wish = {"model": name, "messages": SUM, "max_tokens": 2, **more}
        return client.post("/v1/chat/completions", json=wish)


def ask_many(it: GatewayHouse, times: int) -> list[dict[str, object]]:
    """Ask one after another; return what was written down."""
    for _ in range(times):
        assert ask(it, "spread").status_code == 200
    wait_for(lambda: len(it.usage("spread")) >= times, WRITTEN_S)
    return it.usage("spread")


def test_an_engine_that_is_frozen_is_told_and_left(it: GatewayHouse) -> None:
    """F10: SIGSTOP: it takes connections and says nothing. Its start anew: test_engine_hurt.py."""
    it.api.put("/deployments/process/gateway", json={"timeouts": {"first_token_s": 3.0}})
    wait_for(lambda: ask(it, "process").status_code == 200, WRITTEN_S, it.told)
    for process in it.engine_processes("process"):
        process.send_signal(signal.SIGSTOP)
    for stream in (False, True):
        response = ask(it, "process", stream=stream)
        assert response.status_code == 504, response.text
        assert response.json()["error"]["code"] == "first_token_timeout"
    wait_for(lambda: ask(it, "process").status_code == 503, 90, it.told)
    left = ask(it, "process")
    assert left.json()["error"]["code"] == "no_ready_replica"
    assert int(left.headers["retry-after"]) >= 1


def test_no_prompt_is_left_behind(it: GatewayHouse) -> None:
    """After all that: not in a log, not in the database, not in what was printed."""
    seen = 0
    for path in Path(it.house.data).rglob("*"):
        if path.is_file() and not path.is_socket() and path.stat().st_size < 64 << 20:
            seen += 1
            assert CANARY.encode() not in path.read_bytes(), path
    assert seen > 10
    assert not any(CANARY in line for line in it.house.lines)
