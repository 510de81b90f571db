"""Reads a whole file for its sha256, keeping the lease and showing progress on the way."""

import time
from pathlib import Path

from models_app.domain.store import hash_file
from models_app.models import Operation
from models_app.services.leases import Lease
from models_app.services.observed.operations import operation_progress

BEAT_S = 2.0


def hash_with_progress(path: Path, lease: Lease[Operation], operation: Operation) -> str:
    """Return the sha256 of a file. Raises LeaseLostError when another took the work over."""
    size, last = path.stat().st_size, time.monotonic()

    def beat(done: int) -> None:
        nonlocal last
        if time.monotonic() - last < BEAT_S:
            return
        last = time.monotonic()
        lease.renew()
        operation_progress(lease, operation, phase="verifying", done_bytes=done, total_bytes=size)

    return hash_file(path, heartbeat=beat)
