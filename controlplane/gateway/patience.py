"""How long an answer may take: until its first token, and from one to the next."""

import time
from collections.abc import Callable

from models_app.domain.gateway import Timeouts

__all__ = ["Patience", "Timeouts"]


class Patience:
    """Counts down to the first token, then from each token to the next.

    Whoever reads the answer calls `progress` for what counts as a token: keep-alive bytes do not.
    Time in which nobody reads (a slow client) is not the engine's and does not count.
    """

    def __init__(
        self,
        timeouts: Timeouts,
        clock: Callable[[], float] = time.monotonic,
        *,
        since: float | None = None,  # when the waiting began, where that was before now
    ) -> None:
        self.timeouts = timeouts
        self._clock = clock
        self._left = timeouts.first_token_s - (0.0 if since is None else clock() - since)
        self._waiting_since: float | None = None
        self.started = False  # a token has come

    def progress(self) -> None:
        """A token came."""
        self.started = True
        self._left = self.timeouts.idle_s
        if self._waiting_since is not None:
            self._waiting_since = self._clock()

    def wait(self) -> float:
        """Begin to wait for the engine; return for how many seconds at most."""
        self._waiting_since = self._clock()
        return max(0.0, self._left)

    def waited(self) -> None:
        """Something came, or nothing did; the time it took is spent."""
        if self._waiting_since is not None:
            self._left -= self._clock() - self._waiting_since
            self._waiting_since = None

    def remaining(self) -> float:
        """Return for how long the engine may still be waited for, as of now."""
        if self._waiting_since is None:
            return self._left
        return self._left - (self._clock() - self._waiting_since)
