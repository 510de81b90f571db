"""Requests that must stay open for minutes, held by a thread while short steps come and look.

Some servers do their work only as long as their client listens (Ollama's pull, create and load
do). A task must not wait for that; so a thread holds the request, and each step of the row that
wants it looks at how far it is. Whoever is not looked at any more lets go by itself: when a row has
moved to another process, that one begins the request anew and the server goes on where it was.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

ABANDONED_S = 45.0  # longer than a lease: a row that lives has been looked at by then
KEPT_S = 300.0  # an outcome that nobody fetched


class LetGoError(Exception):
    """Nobody wants this request any more."""


class Held:
    """One request and its thread. `news` is the last thing that the server said."""

    def __init__(self, work: Callable[["Held"], Any]) -> None:
        self.news: Any = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.told_at = time.monotonic()
        self._looked_at = self.told_at
        self._unwanted = threading.Event()
        self._finished = threading.Event()
        self._work = work
        self._cut: Callable[[], None] | None = None
        threading.Thread(target=self._run, name="held-request", daemon=True).start()

    @property
    def finished(self) -> bool:
        """Whether the request has ended, well or not."""
        return self._finished.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end for at most `seconds`; return whether it has come."""
        self._looked_at = time.monotonic()
        return self._finished.wait(seconds)

    def outcome(self) -> Any:
        """Return the result of a finished request, or raise what it raised."""
        if self.error is not None:
            raise self.error
        return self.result

    # --- for the thread --------------------------------------------------------------------------

    def tell(self, news: Any) -> None:
        """Say how far it is. Raises LetGoError when nobody wants it any more."""
        self.news, self.told_at = news, time.monotonic()
        self.check()

    def check(self) -> None:
        """Raise LetGoError when nobody wants it any more."""
        if self._unwanted.is_set() or time.monotonic() - self._looked_at > ABANDONED_S:
            raise LetGoError

    def cut_by(self, cut: Callable[[], None]) -> None:
        """Remember how to break a read that waits for the server."""
        self._cut = cut
        self.check()

    def let_go(self) -> None:
        """End the request as soon as possible, also in the middle of a read."""
        self._unwanted.set()
        if self._cut is not None:
            self._cut()

    def is_stale(self, now: float) -> bool:
        """Return whether its outcome has waited too long for somebody to fetch it."""
        return self.finished and now - self._looked_at > KEPT_S

    def _run(self) -> None:
        try:
            self.result = self._work(self)
        except BaseException as error:  # noqa: BLE001 - handed to whoever looks
            self.error = error
        finally:
            self._finished.set()


_held: dict[str, Held] = {}
_lock = threading.Lock()


def hold(key: str, work: Callable[[Held], Any]) -> Held:
    """Return the request of that key, begun now if there is none."""
    now = time.monotonic()
    with _lock:
        for old in [k for k, held in _held.items() if k != key and held.is_stale(now)]:
            del _held[old]
        found = _held.get(key)
        if found is None or (found.finished and isinstance(found.error, LetGoError)):
            found = _held[key] = Held(work)
        return found


def take(key: str) -> None:
    """Forget a finished request: the next `hold` begins anew."""
    with _lock:
        _held.pop(key, None)


def let_go(key: str) -> None:
    """End a request that is not wanted any more, and forget it."""
    with _lock:
        found = _held.pop(key, None)
    if found is not None:
        found.let_go()
