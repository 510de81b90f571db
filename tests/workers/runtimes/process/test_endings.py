"""How engines end: asked, by force, by a signal, for want of memory; with real processes."""

import os
import signal
from pathlib import Path

import httpx
import pytest

from tests.workloads import (
    engine_pids,
    eventually,
    fake_spec,
    leader_pid,
    wait_ended,
    wait_ready,
    workload_folder,
)
from workers.runtimes.process.runtime import ProcessRuntime

NAME = "slipway-one-0-r1"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, 137), (signal.SIGABRT, 134), (signal.SIGSEGV, 139)]
)
def test_how_an_engine_died_is_known(
    runtime: ProcessRuntime, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    runtime.create(fake_spec(tmp_path, NAME))
    wait_ready(runtime, NAME)
    os.kill(engine_pids(tmp_path)[0], number)
    ended = wait_ended(runtime, NAME)
    assert ended.exit_code == code
    assert not ended.out_of_memory


def test_a_frozen_engine_is_ended_by_force(runtime: ProcessRuntime, tmp_path: Path) -> None:
    runtime.create(fake_spec(tmp_path, NAME))
    wait_ready(runtime, NAME)
    os.killpg(leader_pid(tmp_path), signal.SIGSTOP)
    assert not runtime.remove(NAME, force=False)
    assert not runtime.remove(NAME, force=False)
    seen = runtime.observe(NAME)
    assert seen is not None
    assert seen.running
    eventually(lambda: runtime.remove(NAME, force=True))
    assert engine_pids(tmp_path) == []
    assert runtime.observe(NAME) is None


def test_ending_waits_for_answers_in_flight(runtime: ProcessRuntime, tmp_path: Path) -> None:
    runtime.create(fake_spec(tmp_path, NAME, tokens_per_s=40))
    address = wait_ready(runtime, NAME).address
    body = {"prompt": "hello", "max_tokens": 20, "seed": 1, "stream": True}
    lines: list[str] = []
    with httpx.stream("POST", f"http://{address}/v1/completions", json=body) as answer:
        for line in answer.iter_lines():
            if not lines:
                assert not runtime.remove(NAME, force=False)
            lines.append(line)
    assert "data: [DONE]" in lines
    eventually(lambda: runtime.remove(NAME, force=False))


def test_one_request_to_end_is_sent_once(runtime: ProcessRuntime, tmp_path: Path) -> None:
    runtime.create(fake_spec(tmp_path, NAME, startup_delay_s=1.2))
    wait_ready(runtime, NAME)
    assert not runtime.remove(NAME, force=False)
    assert workload_folder(tmp_path).marked("term_sent")


def test_an_engine_out_of_memory_is_told_apart(runtime: ProcessRuntime, tmp_path: Path) -> None:
    runtime.create(fake_spec(tmp_path, NAME, memory_mb=512, memory_limit_mb=128))
    ended = wait_ended(runtime, NAME)
    assert ended.exit_code == 1
    assert ended.out_of_memory


def test_a_memory_limit_with_room_lets_it_run(runtime: ProcessRuntime, tmp_path: Path) -> None:
    runtime.create(fake_spec(tmp_path, NAME, memory_mb=32, memory_limit_mb=256))
    assert wait_ready(runtime, NAME).running
