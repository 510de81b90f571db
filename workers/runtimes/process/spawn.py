"""Starting one engine: a session of its own, a clean environment, and the inherited lock."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from models_app.domain.failures import FailureCode, fail
from models_app.domain.specs import WorkloadSpec
from workers.runtimes.process import processes
from workers.runtimes.process.folder import WorkloadFolder

LEADER = Path(__file__).with_name("run_engine.sh")
CODE_ROOT = Path(__file__).resolve().parents[3]
_PLACEHOLDER = re.compile(r"\{(python|model|port|address_file)\}")

_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class Launch:
    """What a start needs besides the wish."""

    folder: WorkloadFolder
    instance: str
    model: Path
    lock: int  # a descriptor that holds the workload's lock


def start(spec: WorkloadSpec, launch: Launch) -> int:
    """Start the workload's process group and return the pid of its leader.

    Raises FailureError when the system refuses (no memory for a process, too many of them).
    """
    folder = launch.folder
    values = {
        "python": sys.executable,
        "model": str(launch.model),
        "port": "0",
        "address_file": str(folder.address_file),
    }
    limit = spec.memory_limit_bytes
    memory = "unlimited" if limit is None else str(max(1, limit // 1024))
    command = ["/bin/sh", str(LEADER), str(folder.path), memory]
    command += [_fill(part, values) for part in spec.argv]
    log = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        child = subprocess.Popen(  # noqa: S603 - argv is built from typed fields by an engine
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder.path,
            env=_environment(spec, launch, values),
            start_new_session=True,
            pass_fds=(launch.lock,),
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
        raise fail(FailureCode.INTERNAL, reason="spawn", error=str(error)) from error
    finally:
        os.close(log)
    _children[child.pid] = child
    return child.pid


def reap() -> None:
    """Let the kernel forget our children that ended; a zombie is never taken for an engine."""
    for pid, child in list(_children.items()):
        if child.poll() is not None:
            _children.pop(pid, None)


def _environment(spec: WorkloadSpec, launch: Launch, values: dict[str, str]) -> dict[str, str]:
    """Return a minimal environment: nothing of ours but the marks leaks into an engine."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(launch.folder.path),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(CODE_ROOT),
        "PYTHONUNBUFFERED": "1",
        **{key: _fill(value, values) for key, value in spec.env},
        processes.MARK_NAME: spec.name,
        processes.MARK_SPEC: spec.fingerprint(),
        processes.MARK_INSTANCE: launch.instance,
        processes.MARK_FOLDER: str(launch.folder.path),
    }


def _fill(text: str, values: dict[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values[match.group(1)], text)
