"""What one person's sockets may take: frames per second, bytes per frame, sockets at once."""

import time
from collections import Counter
from collections.abc import Callable

FRAME_BYTES = 64 * 1024
FRAMES_PER_S = 20.0
FRAMES_BURST = 40.0  # a long chat comes in parts, all at once
SOCKETS_PER_USER = 10  # per web process


class FrameBudget:
    """A token bucket: `spend` says whether one more frame may come now."""

    def __init__(
        self,
        per_s: float = FRAMES_PER_S,
        burst: float = FRAMES_BURST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._left = burst
        self._at = clock()

    def spend(self) -> bool:
        """Take one frame from the budget; False when it is used up."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class SocketCount:
    """Open sockets per user of this process."""

    def __init__(self, limit: int = SOCKETS_PER_USER) -> None:
        self._limit = limit
        self._open: Counter[int] = Counter()

    def enter(self, user_id: int) -> bool:
        """Count one more; False, and not counted, when the user has too many."""
        if self._open[user_id] >= self._limit:
            return False
        self._open[user_id] += 1
        return True

    def leave(self, user_id: int) -> None:
        """Count one less."""
        self._open[user_id] -= 1
        if self._open[user_id] <= 0:
            del self._open[user_id]
