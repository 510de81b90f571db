"""Which processes are a workload's: by recorded pid and start, by marks in their environment.

A pid alone proves nothing, since the kernel gives it out again. A start is told from another by the
kernel's own count of ticks since boot, which no change of the clock moves.
"""

import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK_NAME = "SLIPWAY_WORKLOAD"
MARK_SPEC = "SLIPWAY_SPEC"
MARK_INSTANCE = "SLIPWAY_INSTANCE"
MARK_FOLDER = "SLIPWAY_FOLDER"

_MARK = f"{MARK_NAME}=".encode()
_HAS_PROC = Path("/proc/self/environ").exists()
_STARTTIME = 19  # field 22 of /proc/PID/stat, counted after the name


@dataclass(frozen=True, slots=True)
class Marked:
    """One live process that carries our marks."""

    pid: int
    name: str
    spec_hash: str
    instance: str
    folder: str


def start_token(pid: int) -> str:
    """Return what tells this process from another that had or will have its pid; "" when gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[_STARTTIME]
    except (FileNotFoundError, ProcessLookupError):
        pass
    try:
        return str(psutil.Process(pid).create_time())  # no /proc on this system
    except psutil.Error:
        return ""


def marks_of(pid: int) -> Marked | None:
    """Return the marks of a live process; None for a zombie, a stranger's, or one without."""
    try:
        found = _environment(pid)
    except (psutil.Error, OSError):
        return None
    if MARK_NAME not in found or MARK_INSTANCE not in found:
        return None
    return Marked(
        pid=pid,
        name=found[MARK_NAME],
        spec_hash=found.get(MARK_SPEC, ""),
        instance=found[MARK_INSTANCE],
        folder=found.get(MARK_FOLDER, ""),
    )


def _environment(pid: int) -> Mapping[str, str]:
    """Return a process's environment, or nothing at once when it carries no mark of ours.

    Every look at a host reads that of every process: on Linux one read each, without psutil.
    """
    if not _HAS_PROC:
        found: Mapping[str, str] = psutil.Process(pid).environ()
        return found
    raw = Path(f"/proc/{pid}/environ").read_bytes()
    if _MARK not in raw:
        return {}
    pairs = (os.fsdecode(entry).partition("=") for entry in raw.split(b"\0") if entry)
    return {name: value for name, _, value in pairs}


def marked_processes(instance: str) -> Iterator[Marked]:
    """Yield every live process of this installation's workloads."""
    for pid in psutil.pids():
        marks = marks_of(pid)
        if marks is not None and marks.instance == instance:
            yield marks


def leader_of(found: Iterable[Marked]) -> Marked | None:
    """Return the process that leads the group, or the oldest when the leader is gone."""
    candidates = sorted(found, key=lambda one: (not _leads(one.pid), int(_ticks(one.pid)), one.pid))
    return candidates[0] if candidates else None


def session_members(leader: int) -> list[int]:
    """Return the live processes of the session that `leader` began, itself included."""
    members = []
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == leader and not _is_zombie(pid):
                members.append(pid)
    return members


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to processes that were just seen; those that ended meanwhile are no error."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _leads(pid: int) -> bool:
    with suppress(ProcessLookupError):
        return os.getsid(pid) == pid
    return False


def _ticks(pid: int) -> str:
    token = start_token(pid).partition(".")[0]
    return token or "0"


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True
