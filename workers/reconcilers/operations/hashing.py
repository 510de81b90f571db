"""Reads a whole file for its sha256, keeping the lease and showing progress on the way."""

import hashlib
import time
from pathlib import Path

from models_app.models import Operation
from models_app.services.leases import Lease
from models_app.services.observed.operations import operation_progress

CHUNK = 4 << 20
BEAT_S = 2.0


def hash_file(path: Path, lease: Lease[Operation], operation: Operation) -> str:
    """Return the sha256 of a file. Raises LeaseLostError when another took the work over."""
    digest, done, size = hashlib.sha256(), 0, path.stat().st_size
    beat = time.monotonic()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            if time.monotonic() - beat > BEAT_S:
                beat = time.monotonic()
                lease.renew()
                operation_progress(
                    lease, operation, phase="verifying", done_bytes=done, total_bytes=size
                )
    return digest.hexdigest()
