"""Who has been silent for too long: by a clock of the test's own, and a real broker that froze."""

import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from controlplane.launch.parts import parts
from controlplane.launch.pulse import Pulse, pulse_file
from controlplane.launch.watchdog import FIRST_SIGN_S, OWN_GAP_S, SILENT_S, Silence, Watchdog
from controlplane.settings.env import read_env
from controlplane.settings.paths import DataPaths
from tests.requirements import need


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_silence_counts_from_the_last_sign(clock: Clock) -> None:
    silence = Silence(clock)
    assert not silence.is_too_long("control", 7, 1)
    assert not silence.is_too_long("control", 7, 2)
    clock.now += SILENT_S
    assert not silence.is_too_long("control", 7, 2)
    clock.now += 0.1
    assert silence.is_too_long("control", 7, 2)
    assert not silence.is_too_long("control", 7, 3)


def test_a_part_that_starts_has_longer_for_its_first_sign(clock: Clock) -> None:
    silence = Silence(clock)
    silence.is_too_long("control", 7, "left by the process before")
    clock.now += FIRST_SIGN_S
    assert not silence.is_too_long("control", 7, "left by the process before")
    clock.now += 0.1
    assert silence.is_too_long("control", 7, "left by the process before")


def test_the_next_process_is_judged_anew(clock: Clock) -> None:
    silence = Silence(clock)
    silence.is_too_long("control", 7, 1)
    silence.is_too_long("control", 7, 2)
    clock.now += SILENT_S + 1
    assert not silence.is_too_long("control", 8, 2)
    assert not silence.is_too_long("transfer", 9, None)


def test_nobody_is_judged_by_a_time_in_which_we_slept_ourselves(clock: Clock) -> None:
    silence = Silence(clock)
    silence.is_too_long("control", 7, 1)
    silence.is_too_long("control", 7, 2)
    clock.now += 3600  # Ctrl-Z, and fg an hour later
    silence.note_own_gap()
    assert not silence.is_too_long("control", 7, 2)
    for _ in range(int(SILENT_S / OWN_GAP_S) + 2):
        clock.now += OWN_GAP_S
        silence.note_own_gap()
    assert silence.is_too_long("control", 7, 2)


def test_a_part_beats_only_when_up_runs_it(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path)
    paths.make()
    Pulse(replace(read_env(), part=""), paths).beat()
    assert list(paths.run.iterdir()) == []
    pulse = Pulse(replace(read_env(), part="web"), paths)
    pulse.beat()
    first = pulse_file(paths, "web").stat().st_mtime_ns
    pulse.beat()  # within the same second: nothing is written
    assert pulse_file(paths, "web").stat().st_mtime_ns == first
    time.sleep(1.1)
    pulse.beat()
    assert pulse_file(paths, "web").stat().st_mtime_ns > first


def test_a_frozen_broker_gives_no_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("valkey")
    monkeypatch.setattr("controlplane.launch.watchdog.PING_EVERY_S", 0.0)
    paths = DataPaths(tmp_path)
    paths.make()
    command = parts(replace(read_env(), broker_url=""), paths)[0].command
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as broker:
        try:
            dog = Watchdog(paths)
            until = time.monotonic() + 20
            while not dog.count_answers():
                assert time.monotonic() < until
                time.sleep(0.05)
            before = dog.count_answers()
            assert dog.count_answers() == before + 1
            broker.send_signal(signal.SIGSTOP)
            assert dog.count_answers() == before + 1
            broker.send_signal(signal.SIGCONT)
            assert dog.count_answers() == before + 2
        finally:
            broker.kill()
