"""Sends a file's bytes to a host's volume: once over the wire, and once to the disk there.

The command inside the helper is told how much comes next, and says when it has written it. So the
progress that is shown is what lies on the host. Pieces follow the speed of the link, and few of
them are under way at a time: whoever sends can stop soon, on any link.

Bytes go to their own offsets. A worker that slept and goes on writes what others wrote there
before; one that was killed leaves what has arrived.
"""

import time
from collections import deque
from pathlib import Path

from models_app.domain.failures import FailureCode, RuntimeUnreachableError, fail
from workers.runtimes.docker.arrivals import PARTS, UNIT
from workers.runtimes.docker.conversation import BLOCK, Conversation
from workers.runtimes.docker.errors import meaning
from workers.runtimes.docker.helper import Helper

FIRST_PIECE = 1 << 20  # before the link has shown what it carries
LARGEST_PIECE = 16 << 20
PIECE_S = 0.25  # that a piece may take
UNDER_WAY = 4  # pieces that are sent and not yet written
STUCK_S = 20.0

# $2: the unit to begin with. The part stays open: once it has its name, or is dropped, nobody makes
# another one by writing on. After a failure what still comes is swallowed, so that it is heard.
_WRITE = f"""
true >> "{PARTS}/$1" || {{ cat > /dev/null; exit 1; }}
exec 3<> "{PARTS}/$1"
dd bs={UNIT} seek="$2" count=0 conv=notrunc status=none >&3
while read -r units rest && [ "$units" != end ]; do
    dd bs={UNIT} count="$units" iflag=fullblock conv=notrunc status=none >&3 &&
    {{ [ "$rest" = 0 ] || dd bs="$rest" count=1 iflag=fullblock conv=notrunc status=none >&3; }} ||
    {{ cat > /dev/null; exit 1; }}
    echo written
done
"""


class Sender:
    """One file on its way."""

    def __init__(self, helper: Helper, sha256: str, source: Path, size: int) -> None:
        self._helper = helper
        self._sha256 = sha256
        self._source = source
        self._size = size
        self._sent: deque[int] = deque()  # sizes of what is under way
        self.at = 0  # up to here it lies on the host

    def send(self, at: int, until: float) -> None:
        """Send from `at` on until that moment; a piece at least. Raises what the host says."""
        self.at = at - at % UNIT
        words = (self._sha256, str(self.at // UNIT))
        with self._helper.converse(_WRITE, *words, seconds=STUCK_S) as command:
            self._pour(command, until)
            command.say("end")
            while self._sent:
                self._hear(command, wait=True)

    def _pour(self, command: Conversation, until: float) -> None:
        buffer = memoryview(bytearray(BLOCK))
        began, first, at, piece = time.monotonic(), self.at, self.at, FIRST_PIECE
        with self._source.open("rb", buffering=0) as file:
            while at < self._size and (at == first or time.monotonic() < until):
                size = min(piece, self._size - at)
                command.say(f"{size // UNIT} {size % UNIT}")
                if command.send(file, at, size, buffer) < size:
                    raise fail(FailureCode.ARTIFACT_MISSING, file=self._source.name)
                self._sent.append(size)
                at += size
                self._hear(command, wait=len(self._sent) >= UNDER_WAY)
                speed = (self.at - first) / (time.monotonic() - began)
                piece = piece_of(speed)

    def _hear(self, command: Conversation, *, wait: bool) -> None:
        """Count what the host has written."""
        for line in command.heard(wait=wait):
            if line != "written":
                raise meaning(line)
            self.at += self._sent.popleft()
        if command.has_ended and self._sent:
            raise RuntimeUnreachableError("it was cut", FailureCode.CONNECTION_LOST)


def piece_of(speed: float) -> int:
    """Return how much to send at once on a link of so many bytes per second."""
    size = int(speed * PIECE_S)
    return min(max(size - size % UNIT, FIRST_PIECE), LARGEST_PIECE)
