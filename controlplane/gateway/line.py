"""Who waits for a free slot of a deployment: first come first served of one caller, and the callers
in turn, so that one of them with a hundred requests costs another one place and not a hundred.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from models_app.domain.routes import ReplicaRoute

FIRST_GUESS_S = 2.0  # how long a request takes, before the first one has shown it
MEMORY = 0.2  # the newest request's share of what is known of their length


@dataclass(eq=False, slots=True)
class Waiting:
    """One request in line; `given` gets the replica whose slot it may use."""

    caller: str
    affinity: str = ""
    besides: ReplicaRoute | None = None  # it was asked before, and could not
    given: asyncio.Future[ReplicaRoute] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Line:
    """The line of one deployment."""

    def __init__(self) -> None:
        self._callers: dict[str, deque[Waiting]] = {}  # in the order of their turns
        self._size = 0
        self._length_s = FIRST_GUESS_S

    def __len__(self) -> int:
        return self._size

    def join(self, waiting: Waiting) -> None:
        """Stand at the end of one's own requests."""
        self._callers.setdefault(waiting.caller, deque()).append(waiting)
        self._size += 1

    def first(self) -> Waiting | None:
        """Return the request whose turn it is; it stays in line."""
        return next(iter(self._callers.values()))[0] if self._callers else None

    def leave(self, waiting: Waiting) -> None:
        """Go away; nothing happens when it is not in line any more."""
        own = self._callers.get(waiting.caller)
        if own is None or waiting not in own:
            return
        own.remove(waiting)
        self._size -= 1
        if not own:
            del self._callers[waiting.caller]

    def next(self) -> Waiting | None:
        """Take the request whose turn it is out of the line."""
        if not self._callers:
            return None
        caller, own = next(iter(self._callers.items()))
        del self._callers[caller]
        waiting = own.popleft()
        self._size -= 1
        if own:
            self._callers[caller] = own  # behind the others
        return waiting

    def has(self, caller: str) -> bool:
        """Return whether a request of this caller waits."""
        return caller in self._callers

    def position(self, caller: str, ahead_of_it: int | None = None) -> int:
        """Return which place a request of this caller has, 1 being next.

        `ahead_of_it`: how many of the caller's own come first; None for one that would join now.
        """
        own = len(self._callers.get(caller, ())) if ahead_of_it is None else ahead_of_it
        others = (min(len(line), own + 1) for name, line in self._callers.items() if name != caller)
        return 1 + own + sum(others)

    def position_of(self, waiting: Waiting) -> int:
        """Return the place of a request in line."""
        own = self._callers.get(waiting.caller, deque())
        return self.position(waiting.caller, own.index(waiting) if waiting in own else 0)

    def took(self, seconds: float) -> None:
        """Learn how long a request held its slot."""
        self._length_s += MEMORY * (seconds - self._length_s)

    def expected_s(self, position: int, slots: int) -> float:
        """Return how long the request at this place may wait."""
        return position * self._length_s / max(1, slots)
