"""Faults of the process runtime, with real processes: died spawners, frozen engines, orphans."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from models_app.domain.failures import FailureError
from tests.workloads import (
    INSTANCE,
    end,
    engine_pids,
    eventually,
    fake_spec,
    leader_pid,
    open_process_runtime,
    wait_ended,
    wait_ready,
    workload_folder,
)
from workers.runtimes.process import spawn
from workers.runtimes.process.lock import try_lock
from workers.runtimes.process.runtime import ProcessRuntime

NAME = "slipway-one-0-r1"


def spawner(root: Path, *, after: str) -> "subprocess.Popen[str]":
    """Another worker process that starts the workload, with `after` patched in."""
    code = f"""
        import sys, time
        from pathlib import Path
        from tests.workloads import fake_spec, open_process_runtime
        from workers.runtimes.process import lifecycle, spawn
        root = Path({str(root)!r})
        {after}
        open_process_runtime(root).create(fake_spec(root, {NAME!r}))
        print("created", flush=True)
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )


DIE_AFTER_SPAWN = (
    "started = spawn.start; spawn.start = lambda *a: (started(*a), print('spawned', flush=True),"
    " time.sleep(60))[0]"
)


def test_a_spawner_killed_before_it_notes_the_pid(runtime: ProcessRuntime, tmp_path: Path) -> None:
    worker = spawner(tmp_path, after=DIE_AFTER_SPAWN)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "spawned\n"
    worker.kill()
    worker.wait()
    worker.stdout.close()
    record = workload_folder(tmp_path).read_record()
    assert record is not None
    assert record.pid is None
    seen = wait_ready(runtime, NAME)
    assert workload_folder(tmp_path).read_record() == record  # looking changes nothing
    assert [one.external_id for one in runtime.list_owned()] == [seen.external_id]

    runtime.create(fake_spec(tmp_path, NAME))

    assert len(engine_pids(tmp_path)) == 1
    adopted = runtime.observe(NAME)
    assert adopted is not None
    assert adopted.external_id == seen.external_id
    assert adopted.labels == seen.labels
    assert leader_pid(tmp_path) == int(seen.external_id.split(":")[0])


def test_an_engine_survives_its_spawner(runtime: ProcessRuntime, tmp_path: Path) -> None:
    worker = spawner(tmp_path, after="")
    output, _ = worker.communicate(timeout=30)
    assert output == "created\n"
    found = wait_ready(runtime, NAME)
    runtime.create(fake_spec(tmp_path, NAME))
    assert runtime.observe(NAME) == found
    os.kill(engine_pids(tmp_path)[0], signal.SIGKILL)  # nobody's child, and still we learn how
    assert wait_ended(runtime, NAME).exit_code == 137


def test_two_workers_racing_start_one(runtime: ProcessRuntime, tmp_path: Path) -> None:
    workers = [spawner(tmp_path, after="") for _ in range(4)]
    for worker in workers:
        output, _ = worker.communicate(timeout=60)
        assert output == "created\n"
    wait_ready(runtime, NAME)
    assert len(engine_pids(tmp_path)) == 1


def test_a_record_that_names_a_later_process_fools_nobody(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    runtime.create(fake_spec(tmp_path, NAME))
    wait_ready(runtime, NAME)
    record = workload_folder(tmp_path).read_record()
    assert record is not None
    eventually(lambda: runtime.remove(NAME, force=True))
    stranger = subprocess.Popen(["/bin/sleep", "600"])
    try:
        token = Path(f"/proc/{stranger.pid}/stat").read_text().rpartition(")")[2].split()[19]
        for start in (record.start_token, token):  # a pid used again; and even its start forged
            workload_folder(tmp_path).write_record(record.with_process(stranger.pid, start, 1.0))
            seen = runtime.observe(NAME)
            assert seen is not None
            assert not seen.running
            assert runtime.stats(NAME) is None
            assert runtime.remove(NAME, force=True)
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_engine_whose_leader_was_killed_still_counts(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    spec = fake_spec(tmp_path, NAME)
    runtime.create(spec)
    address = wait_ready(runtime, NAME).address
    os.kill(leader_pid(tmp_path), signal.SIGKILL)
    spawn.reap()
    seen = eventually(lambda: runtime.observe(NAME))
    assert seen is not None
    assert seen.running
    assert seen.address == address
    assert runtime.stats(NAME) is not None
    runtime.create(spec)
    assert len(engine_pids(tmp_path)) == 1
    eventually(lambda: runtime.remove(NAME, force=False))
    assert engine_pids(tmp_path) == []


def test_a_deleted_lock_starts_no_second_engine(runtime: ProcessRuntime, tmp_path: Path) -> None:
    spec = fake_spec(tmp_path, NAME)
    runtime.create(spec)
    wait_ready(runtime, NAME)
    workload_folder(tmp_path).lock.unlink()
    runtime.create(spec)
    assert len(engine_pids(tmp_path)) == 1


def test_a_workload_whose_folder_was_deleted_is_still_found(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    runtime.create(fake_spec(tmp_path, NAME))
    wait_ready(runtime, NAME)
    for path in workload_folder(tmp_path).path.iterdir():
        path.unlink()
    workload_folder(tmp_path).path.rmdir()
    assert [one.name for one in runtime.list_owned()] == [NAME]
    eventually(lambda: runtime.remove(NAME, force=True))
    assert list(runtime.list_owned()) == []


def test_another_installation_is_left_alone(runtime: ProcessRuntime, tmp_path: Path) -> None:
    other = open_process_runtime(tmp_path / "other", instance="another-instance")
    runtime.create(fake_spec(tmp_path, NAME))
    wait_ready(runtime, NAME)
    assert list(other.list_owned()) == []
    assert other.remove(NAME, force=True)
    assert other.stop_all(seconds=5) == []
    seen = runtime.observe(NAME)
    assert seen is not None
    assert seen.running


def test_engines_get_a_clean_environment(
    runtime: ProcessRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_TEST_SECRET", "do not leak")
    runtime.create(fake_spec(tmp_path, NAME))
    wait_ready(runtime, NAME)
    engine = psutil.Process(engine_pids(tmp_path)[0])
    assert "SLIPWAY_TEST_SECRET" not in engine.environ()
    assert engine.environ()["SLIPWAY_INSTANCE"] == INSTANCE
    assert engine.parent() == psutil.Process(leader_pid(tmp_path))
    assert os.getsid(engine.pid) == leader_pid(tmp_path)
    opened = {file.path for file in engine.open_files()}
    assert opened <= {str(workload_folder(tmp_path).lock), str(workload_folder(tmp_path).log)}


def test_what_is_left_can_be_purged(runtime: ProcessRuntime, tmp_path: Path) -> None:
    runtime.create(fake_spec(tmp_path, NAME))
    wait_ready(runtime, NAME)
    assert not runtime.purge(NAME)
    end(runtime, NAME)
    assert runtime.tail(NAME)
    assert runtime.purge(NAME)
    assert runtime.purge(NAME)
    assert not workload_folder(tmp_path).path.exists()


def test_a_lock_held_by_nobody_visible_gives_up(
    runtime: ProcessRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.runtimes.process.lifecycle.BUSY_S", 0.1)
    workload_folder(tmp_path).make()
    handle = try_lock(workload_folder(tmp_path).lock)
    assert handle is not None
    try:
        with pytest.raises(Exception, match="no process is visible"):
            runtime.create(fake_spec(tmp_path, NAME))
        assert not runtime.remove(NAME, force=True)
    finally:
        os.close(handle)
    assert engine_pids(tmp_path) == []


def test_a_system_that_cannot_start_a_process_says_so(
    runtime: ProcessRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawn, "LEADER", Path("/nowhere\0/run_engine.sh"))
    with pytest.raises(FailureError):
        runtime.create(fake_spec(tmp_path, NAME))
    assert runtime.observe(NAME) is None
    monkeypatch.undo()
    runtime.create(fake_spec(tmp_path, NAME))
    assert wait_ready(runtime, NAME).running
