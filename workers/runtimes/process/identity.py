"""From a workload's folder to its live processes, and to what a runtime says of it."""

import os
from functools import cached_property

import psutil

from models_app.domain.specs import Observed
from workers.runtimes.process import processes
from workers.runtimes.process.endings import ran_out_of_memory
from workers.runtimes.process.folder import Record, WorkloadFolder
from workers.runtimes.process.lock import is_locked
from workers.runtimes.process.processes import Marked

INSTANCE_LABEL = "dev.slipway.instance"


class Census:
    """The live processes of one installation's workloads, read once and only if needed."""

    def __init__(self, instance: str) -> None:
        self.instance = instance

    @cached_property
    def marked(self) -> list[Marked]:
        """Every live process with our marks."""
        return list(processes.marked_processes(self.instance))

    def of(self, folder: WorkloadFolder) -> list[Marked]:
        """Return those of one workload."""
        return [one for one in self.marked if one.folder == str(folder.path)]


def recorded_leader(folder: WorkloadFolder, record: Record | None, instance: str) -> Marked | None:
    """Return the recorded process if it lives and is ours: same start, same marks."""
    if record is None or record.pid is None:
        return None
    if processes.start_token(record.pid) != record.start_token:
        return None
    marks = processes.marks_of(record.pid)
    if marks is None or (marks.name, marks.instance) != (folder.name, instance):
        return None
    return marks


def live_leader(folder: WorkloadFolder, record: Record | None, census: Census) -> Marked | None:
    """Return the process that stands for the running workload, however its record fares.

    The record may lack it (a spawner died before it noted the pid) or name one that is gone (the
    group's leader was killed, the engine lives on): then the held lock says that there is one.
    """
    leader = recorded_leader(folder, record, census.instance)
    if leader is None and is_locked(folder.lock):
        leader = processes.leader_of(census.of(folder))
    return leader


def live_pids(folder: WorkloadFolder, record: Record | None, census: Census) -> list[int]:
    """Return every live process of the workload.

    By their marks, and by the leader's session: a process may have overwritten its environment.
    """
    found = {one.pid for one in census.of(folder)}
    if record is not None and record.pid is not None:
        leader = recorded_leader(folder, record, census.instance)
        gone = not processes.start_token(record.pid) and is_locked(folder.lock)
        if leader is not None or gone:
            found.update(processes.session_members(record.pid))
    return sorted(found)


def observe_folder(folder: WorkloadFolder, census: Census) -> Observed | None:
    """Return what the folder and the process table say of a workload. Changes nothing."""
    record = folder.read_record()
    leader = live_leader(folder, record, census)
    if leader is not None:
        return observe_running(folder, record, leader)
    code = folder.read_exit_code()
    if record is None or (record.pid is None and code is None):
        return None  # never started, or started by somebody who died before it began
    return Observed(
        name=folder.name,
        external_id=f"{record.pid or 0}:{record.start_token}",
        spec_hash=record.spec_hash,
        running=False,
        address=None,
        started_at=record.started_at,
        exit_code=code,
        out_of_memory=ran_out_of_memory(folder, record),
        labels=record.labels,
    )


def observe_running(folder: WorkloadFolder, record: Record | None, leader: Marked) -> Observed:
    """Return what is known of a workload whose process was just seen alive."""
    token = processes.start_token(leader.pid)
    same = record is not None and (record.pid, record.start_token) == (leader.pid, token)
    started_at = record.started_at if record is not None and same else start_time(leader.pid)
    return Observed(
        name=folder.name,
        external_id=f"{leader.pid}:{token}",
        spec_hash=leader.spec_hash,
        running=True,
        address=folder.read_address(),
        started_at=started_at,
        labels=record.labels if record is not None else ((INSTANCE_LABEL, leader.instance),),
    )


def start_time(pid: int) -> float | None:
    """Return when a process started, in seconds since the epoch."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def leads_its_session(pid: int) -> bool:
    """Return whether the process is the leader that `run_engine.sh` became."""
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:
        return False
