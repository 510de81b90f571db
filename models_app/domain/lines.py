"""How busy a deployment is: what runs, what waits for a slot, and how long that may take."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Business:
    """Requests of one deployment, as one process or all of them together see them."""

    running: int = 0
    waiting: int = 0
    wait_s: float = 0.0  # of a request that comes now; 0: a slot is free

    @property
    def is_any(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.running or self.waiting)


def together(parts: Iterable[Business]) -> Business:
    """Return what several processes see; a newcomer meets one of them, at worst the slowest."""
    found = list(parts)
    return Business(
        sum(part.running for part in found),
        sum(part.waiting for part in found),
        max((part.wait_s for part in found), default=0.0),
    )
