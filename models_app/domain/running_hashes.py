"""The sha256 of files that arrive in pieces, computed as the bytes come: they are read once.

The state of a hash cannot be stored, so it lives in the process that receives. Where a piece goes
on in another process (a restart, several web servers) there is no hash, and whoever needs one
reads the file: slower, never wrong.
"""

import hashlib
import threading
from collections import OrderedDict
from typing import Protocol

KEPT = 256  # uploads that arrive at the same time; the oldest is forgotten first


class Hash(Protocol):
    """What hashlib gives."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""

    def copy(self) -> "Hash":
        """Return the same state, to go on from."""
        ...

    def hexdigest(self) -> str:
        """Return the hash of what came so far."""
        ...


class RunningHashes:
    """For each name the hash of its first bytes, and how many those are."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._states: OrderedDict[str, tuple[int, Hash]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str, offset: int) -> Hash | None:
        """Return the hash of the first `offset` bytes, to be put back; None when not known."""
        with self._lock:
            at, state = self._states.pop(name, (0, hashlib.sha256()))
        return state if at == offset else None

    def put(self, name: str, offset: int, state: Hash | None) -> None:
        """Keep the hash of the first `offset` bytes for the piece that follows."""
        with self._lock:
            if state is not None:
                self._states[name] = (offset, state)
            while len(self._states) > self._kept:
                self._states.popitem(last=False)
