"""`manage.py up` as a person meets it: starts, survives, refuses in one line, leaves nothing."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.flows.house import DOWN_S, ROOT, UP_S, House, free_port, wait_for
from tests.requirements import need

pytestmark = [pytest.mark.slow]

PARTS = ["broker", "control", "transfer", "beat", "web"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    need("valkey")
    with House(tmp_path / "data", SLIPWAY_FIRST_MODEL="0") as made:
        yield made


def test_every_part_returns_after_kill_and_ctrl_c_leaves_nothing(house: House) -> None:
    house.start_and_wait()
    for name in PARTS:
        before = wait_for(partial(house.part, name), UP_S)
        before.kill()
        wait_for(partial(house.part_other_than, before.pid, name), UP_S)
        house.note_processes()
    assert house.ask("/healthz") == 200  # waits in the held socket while web is started again
    house.process.send_signal(signal.SIGINT)
    house.process.send_signal(signal.SIGINT)  # a second Ctrl-C is harmless
    assert house.process.wait(DOWN_S) == 0
    assert house.processes() == []
    assert house.lines[-1] == "Slipway has stopped."


def test_killed_supervisor_takes_its_parts_along_and_the_next_start_works(house: House) -> None:
    house.start_and_wait()
    house.stop(signal.SIGKILL)
    wait_for(lambda: not [p for p in house.processes() if p.pid != house.process.pid], DOWN_S)
    house.start_and_wait()
    assert house.stop(signal.SIGTERM) == 0
    assert house.processes() == []


def test_long_path_and_odd_names_are_fine(tmp_path: Path) -> None:
    need("valkey")
    deep = tmp_path / ("long" * 30) / "with space, $HOME; 'quoted'"
    with House(deep, SLIPWAY_FIRST_MODEL="0") as house:
        house.start_and_wait()
        assert not house.data_run.is_relative_to(deep)
        assert house.stop() == 0
        house.data_run.joinpath("parts.json").unlink(missing_ok=True)


def test_second_instance_is_refused(house: House) -> None:
    house.start_and_wait()
    with House(house.data) as second:
        assert "already runs" in refusal_of(second)


def test_busy_port_is_refused(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with House(tmp_path / "data", port=port) as house:
            assert f"Port {port}" in refusal_of(house)


def test_unwritable_folder_is_refused() -> None:
    with House(Path("/proc/slipway")) as house:
        assert "cannot be written" in refusal_of(house)


def test_full_disk_is_refused(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root may mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=True)
    try:
        with House(disk / "data") as house:
            assert "is full" in refusal_of(house)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_impossible_setting_is_refused(tmp_path: Path) -> None:
    with House(tmp_path / "data", SLIPWAY_PORT="eighty") as house:
        assert "SLIPWAY_PORT must be" in refusal_of(house)  # the others: test_preflight.py


def test_database_that_does_not_answer_is_refused(tmp_path: Path) -> None:
    nobody = f"postgresql://me:secret-word@127.0.0.1:{free_port()}/slipway"
    with House(tmp_path / "data", SLIPWAY_DATABASE=nobody) as house:
        line = refusal_of(house)
    assert "The database cannot be used" in line
    assert "secret-word" not in line


@pytest.mark.parametrize("name", ["100%", "a ;b", "a #b", "a\nb"])
def test_path_that_cannot_be_configured_is_refused(tmp_path: Path, name: str) -> None:
    with House(tmp_path / name) as house:
        assert "choose another place" in refusal_of(house)


def test_old_python_is_refused_before_anything_is_imported(tmp_path: Path) -> None:
    told = "import sys; sys.version_info = (3, 10, 1); sys.version = '3.10.1'"
    run = f"{told}; import runpy; runpy.run_path('manage.py', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", run], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.strip() == "Slipway needs Python 3.11 or newer, not 3.10.1."


def refusal_of(house: House) -> str:
    """Return the one line it said before it ended with a failure."""
    house.start()
    assert house.process.wait(UP_S) == 1
    wait_for(lambda: house.lines, DOWN_S)
    assert len(house.lines) == 1
    return house.lines[0]
