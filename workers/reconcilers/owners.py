"""Names the processes that hold leases, and frees what those held that died on this machine.

A lease runs out by itself; this only spares the wait when a worker is started again beside living
ones. Fenced writes keep it harmless even if a process of another container had that name.
"""

import os
import secrets
import socket

import psutil

from models_app.notify.workers import TASK_OF
from models_app.services.leases import leases_free


def new_owner() -> str:
    """Return a name for one hold of one lease by this process."""
    return f"{_machine()}:{os.getpid()}:{secrets.token_hex(6)}"


def free_what_the_dead_held() -> int:
    """Free the leases of processes of this machine that are gone; return how many."""
    freed = 0
    for model in TASK_OF:
        held = model._default_manager.filter(lease_owner__startswith=f"{_machine()}:")
        owners = set(held.values_list("lease_owner", flat=True))
        freed += leases_free(model, [owner for owner in owners if not _lives(owner)])
    return freed


def _machine() -> str:
    return socket.gethostname()[:40]


def _lives(owner: str) -> bool:
    pid = int(owner.split(":")[-2])
    return pid != os.getpid() and psutil.pid_exists(pid)
