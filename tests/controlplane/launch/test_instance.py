import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from controlplane.launch.instance import clear_leftovers, hold, record_parts
from controlplane.launch.preflight import RefusedError
from controlplane.settings.paths import DataPaths


@pytest.fixture
def paths(tmp_path: Path) -> DataPaths:
    made = DataPaths(tmp_path)
    made.make()
    return made


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


def test_second_holder_is_told_who_holds(paths: DataPaths) -> None:
    import os

    with hold(paths), pytest.raises(RefusedError, match=f"process {os.getpid()}"):
        hold(paths)


def test_lock_goes_with_its_holder(paths: DataPaths) -> None:
    hold(paths).close()
    hold(paths).close()


def test_what_outlived_its_supervisor_is_ended(
    paths: DataPaths, sleeper: subprocess.Popen[bytes]
) -> None:
    record_parts(paths, {"web": sleeper.pid})
    assert clear_leftovers(paths) == 1
    assert not psutil.pid_exists(sleeper.pid)
    assert clear_leftovers(paths) == 0  # the record is gone with them


def test_a_stranger_with_a_reused_pid_is_spared(
    paths: DataPaths, sleeper: subprocess.Popen[bytes]
) -> None:
    earlier = psutil.Process(sleeper.pid).create_time() - 60
    (paths.run / "parts.json").write_text(json.dumps({"web": [sleeper.pid, earlier]}))
    assert clear_leftovers(paths) == 0
    assert sleeper.poll() is None


def test_a_torn_record_is_no_obstacle(paths: DataPaths) -> None:
    (paths.run / "parts.json").write_text('{"web": [12')
    assert clear_leftovers(paths) == 0
