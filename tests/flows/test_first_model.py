"""The first start's own model: served by a real llama.cpp, ended by Ctrl-C, back as wished."""

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.flows.house import DOWN_S, House, wait_for
from tests.requirements import need

pytestmark = [pytest.mark.slow]
READY_S = 120.0
STOP_PROMISE_S = 10.0


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    for name in ("valkey", "xllamacpp", "smollm2"):
        need(name)
    with House(tmp_path / "data") as made:
        yield made


def test_a_first_start_serves_a_real_model_and_every_later_one_brings_it_back(house: House) -> None:
    house.start_and_wait()
    first = _answer_of(_ready_address(house))
    assert first
    assert _engines(house)
    house.note_processes()
    with _two_long_answers(_ready_address(house)):
        asked_at = time.monotonic()
        house.process.send_signal(signal.SIGINT)
        assert house.process.wait(DOWN_S) == 0
        took_s = time.monotonic() - asked_at
    assert took_s <= STOP_PROMISE_S
    assert house.processes() == []  # engines included

    house.start_and_wait()
    assert _answer_of(_ready_address(house)) == first
    assert _rows(house, "select count(*) from models_app_replica") == [(1,)]  # the same, come back
    assert _failures(house) == []


def test_engines_outlive_a_killed_slipway_and_are_adopted(house: House) -> None:
    house.start_and_wait()
    address = _ready_address(house)
    before = {engine.pid for engine in _engines(house)}
    house.stop(signal.SIGKILL)
    assert _answer_of(address)  # nobody watches it, but it serves
    ((last_seen,),) = _rows(house, "select updated_at from models_app_replica")

    house.start_and_wait()
    assert _ready_address(house, seen_after=str(last_seen)) == address
    assert {engine.pid for engine in _engines(house)} == before
    assert _failures(house) == []


def _ready_address(house: House, *, seen_after: str = "") -> str:
    """Return where the one replica serves, once a worker has seen it ready after that time."""
    query = "select address, updated_at from models_app_replica where state = 'ready'"

    def look() -> str:
        for address, updated_at in _rows(house, query):
            if str(updated_at) > seen_after and _healthy(str(address)):
                return str(address)
        return ""

    return wait_for(look, READY_S, lambda: str(_failures(house))) or ""


def _healthy(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/health", timeout=5).is_success
    except httpx.HTTPError:
        return False


def _answer_of(address: str) -> str:
    body = {
        "messages": [{"role": "user", "content": "Say hello."}],
        "max_tokens": 8,
        "temperature": 0,
        "seed": 1,
    }
    answer = httpx.post(f"http://{address}/v1/chat/completions", json=body, timeout=60)
    return str(answer.raise_for_status().json()["choices"][0]["message"]["content"])


@contextmanager
def _two_long_answers(address: str) -> Iterator[None]:
    """Keep the engine at work on two answers that are asked of it directly, each begun."""
    body = {
        "messages": [{"role": "user", "content": "Tell a story that never ends."}],
        "max_tokens": 1_000_000,
        "logit_bias": [[0, False], [2, False]],  # the tokens that end an answer
        "stream": True,
    }
    with ExitStack() as open_answers:
        client = open_answers.enter_context(httpx.Client(timeout=60))
        held = []  # to drop them would hang up
        for _ in range(2):
            url = f"http://{address}/v1/chat/completions"
            answer = open_answers.enter_context(client.stream("POST", url, json=body))
            held.append(answer.raise_for_status().iter_lines())
            assert next(held[-1])
        yield
        del held


def _engines(house: House) -> list[psutil.Process]:
    """Return the processes that carry the mark of a workload of this house."""
    return [p for p in house.processes() if "SLIPWAY_WORKLOAD" in p.environ()]


def _failures(house: House) -> list[tuple[object, ...]]:
    return _rows(house, "select code, params from models_app_event where level in ('bad', 'error')")


def _rows(house: House, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(house.data / "slipway.sqlite3", timeout=20)) as ledger:
        return ledger.execute(query).fetchall()
