"""Starting, adopting and ending one workload, so that there is never a second one of its name."""

import signal
import time
from dataclasses import asdict
from pathlib import Path

from models_app.domain.failures import FailureCode, RuntimeUnreachableError, fail
from models_app.domain.specs import WorkloadSpec
from workers.runtimes.process import identity, processes, spawn
from workers.runtimes.process.endings import kernel_oom_kills
from workers.runtimes.process.folder import Record, WorkloadFolder
from workers.runtimes.process.identity import Census
from workers.runtimes.process.lock import held

BUSY_S = 5.0  # a lock that nobody visible holds for this long is beyond us
FORCE_WAIT_S = 0.5  # the kernel needs a moment to end what was killed
SETTLE_S = 1.0  # before this age a TERM may come too early to be heard


def start_or_adopt(spec: WorkloadSpec, folder: WorkloadFolder, model: Path, instance: str) -> None:
    """Start the workload, or adopt the one of that name that runs.

    A busy lock means that it lives, that somebody starts it now, or that somebody looks at it for
    an instant: adopt what is seen, else try again. Raises RuntimeUnreachableError when the lock
    stays busy and no process is seen, FailureError when another wish runs under that name.
    """
    deadline = time.monotonic() + BUSY_S
    while True:
        folder.make()
        with held(folder.lock) as handle:
            if handle is not None:
                _start(spec, spawn.Launch(folder, instance, model, handle))
                return
        if _adopt(folder, spec, Census(instance)):
            return
        if time.monotonic() > deadline:
            raise RuntimeUnreachableError(f"{spec.name}: locked, and no process is visible")
        time.sleep(0.02)


def end(folder: WorkloadFolder, census: Census, *, force: bool) -> bool:
    """Ask the workload to end, or kill it; return whether nothing of it is left."""
    spawn.reap()
    record = folder.read_record()
    pids = identity.live_pids(folder, record, census)
    if pids and force:
        folder.mark("killed")
        _kill(folder, record, pids, census.instance)
    elif pids:
        _ask_to_end(folder, record, pids, census.instance)
        return False
    return _clear(folder)


def _start(spec: WorkloadSpec, launch: spawn.Launch) -> None:
    """Start the workload; the caller holds its lock."""
    folder = launch.folder
    census = Census(launch.instance)
    before = folder.read_record()
    if identity.recorded_leader(folder, before, launch.instance) is not None:
        # Somebody deleted the lock's file under a running engine.
        _adopt(folder, spec, census)
        return
    # Parts of the last run that outlived their engine and let go of the lock.
    _kill(folder, before, identity.live_pids(folder, before, census), launch.instance)
    folder.begin_run()
    record = Record(
        spec_hash=spec.fingerprint(),
        labels=spec.labels,
        spec=asdict(spec),
        oom_kills=kernel_oom_kills(),
    )
    folder.write_record(record)
    pid = spawn.start(spec, launch)
    folder.write_record(record.with_process(pid, processes.start_token(pid), time.time()))


def _adopt(folder: WorkloadFolder, spec: WorkloadSpec, census: Census) -> bool:
    """Return whether this very workload runs already; note its process if nobody did."""
    record = folder.read_record()
    leader = identity.recorded_leader(folder, record, census.instance)
    leader = leader or processes.leader_of(census.of(folder))
    if leader is None:
        return False
    if leader.spec_hash != spec.fingerprint():
        raise fail(FailureCode.INTERNAL, reason="workload_name_taken", name=spec.name)
    if record is None or record.pid is None:
        noted = Record(leader.spec_hash, spec.labels, asdict(spec), kernel_oom_kills())
        token, started = processes.start_token(leader.pid), identity.start_time(leader.pid)
        folder.write_record(noted.with_process(leader.pid, token, started or time.time()))
    return True


def _kill(folder: WorkloadFolder, record: Record | None, pids: list[int], instance: str) -> None:
    """Kill until none is left, for a moment: what was forked meanwhile is found again."""
    deadline = time.monotonic() + FORCE_WAIT_S
    while pids and time.monotonic() < deadline:
        processes.send(pids, signal.SIGKILL)
        time.sleep(0.01)
        spawn.reap()
        pids = identity.live_pids(folder, record, Census(instance))


def _ask_to_end(
    folder: WorkloadFolder, record: Record | None, pids: list[int], instance: str
) -> None:
    """Send TERM once: to the group's leader, which passes it on, else to all that is left."""
    if folder.marked("term_sent"):
        return
    leader = identity.recorded_leader(folder, record, instance)
    leads = leader is not None and identity.leads_its_session(leader.pid)
    processes.send([leader.pid] if leader is not None and leads else pids, signal.SIGTERM)
    started = record.started_at if record is not None else None
    if started is None or time.time() - started > SETTLE_S:
        folder.mark("term_sent")


def _clear(folder: WorkloadFolder) -> bool:
    """Forget a run that has ended; return False when somebody holds its lock all the same."""
    if not folder.path.is_dir():
        return True
    with held(folder.lock) as handle:
        if handle is not None:
            folder.forget_run()
    return handle is not None
