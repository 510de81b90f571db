"""Web answers kept open between two slices, so that a server that cannot resume is fetched whole.

Only a convenience of this process: whoever does not find the stream here (another worker, or this
one after a pause) asks again, behind the last byte of the part file.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

KEPT_S = 20.0  # for the next slice; then nobody goes on with it


@dataclass
class Stream:
    """One answer that is being read: its bytes, what closes it, where the next byte belongs."""

    chunks: Iterator[bytes]
    closing: ExitStack
    offset: int
    can_resume: bool
    timer: threading.Timer | None = field(default=None, compare=False)

    def close(self) -> None:
        """Hang up."""
        if self.timer is not None:
            self.timer.cancel()
        self.closing.close()


class Streams:
    """The open answers of this process, by the part file that they fill."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[Path, int], Stream] = {}

    def take(self, part: Path, have: int) -> Stream | None:
        """Return the answer whose next byte belongs at `have`; it is the caller's then."""
        with self._lock:
            stream = self._kept.pop((part, have), None)
        if stream is not None and stream.timer is not None:
            stream.timer.cancel()
        return stream

    def keep(self, part: Path, stream: Stream) -> None:
        """Keep an answer for the next slice, for a while."""
        have = stream.offset
        stream.timer = threading.Timer(KEPT_S, self._expire, (part, have))
        stream.timer.daemon = True
        with self._lock:
            before = self._kept.pop((part, have), None)
            self._kept[part, have] = stream
        stream.timer.start()
        if before is not None:
            before.close()

    def _expire(self, part: Path, have: int) -> None:
        stream = self.take(part, have)
        if stream is not None:
            stream.close()


STREAMS = Streams()
