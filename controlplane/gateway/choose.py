"""Chooses the replica of a request. Pure: loads, time and dice come from the caller.

Of two random replicas the one with the least outstanding work per slot is taken: nearly as even as
looking at all, and many processes that choose at once do not all run to the same one. A replica
that failed three times in a row is left alone for 30 s, then gets one request as a probe. When
every replica is ejected none is: a doubtful replica answers more often than an error does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from models_app.domain.routes import ReplicaRoute

FAILURES_TO_EJECT = 3
EJECTED_S = 30.0


@dataclass(frozen=True, slots=True)
class Load:
    """What this process has asked of a replica, and how it went lately."""

    outstanding: int = 0
    failures: int = 0  # in a row
    ejected_until: float = 0.0

    def asked(self) -> "Load":
        """One more request is under way."""
        return replace(self, outstanding=self.outstanding + 1)

    def ended(self) -> "Load":
        """One request is no longer under way; says nothing about how it went."""
        return replace(self, outstanding=max(0, self.outstanding - 1))

    def succeeded(self) -> "Load":
        """The replica answered: what was before does not count any more."""
        return replace(self, failures=0, ejected_until=0.0)

    def failed(self, now: float) -> "Load":
        """The replica failed; the third time in a row ejects it, and so does a failed probe."""
        failures = self.failures + 1
        until = now + EJECTED_S if failures >= FAILURES_TO_EJECT else self.ejected_until
        return replace(self, failures=failures, ejected_until=until)

    def is_eligible(self, now: float) -> bool:
        """Return whether it may be asked: sound, or due for a probe that nobody makes yet."""
        if self.failures < FAILURES_TO_EJECT:
            return True
        return now >= self.ejected_until and self.outstanding == 0


IDLE = Load()


def choose(
    replicas: Sequence[ReplicaRoute], loads: Mapping[str, Load], now: float, dice: Random
) -> ReplicaRoute | None:
    """Return the replica to ask; None only when there is none at all."""
    eligible = [r for r in replicas if loads.get(r.id, IDLE).is_eligible(now)] or list(replicas)
    if not eligible:
        return None
    pair = eligible if len(eligible) <= 2 else dice.sample(eligible, 2)  # noqa: PLR2004
    dice_order = dice.sample(pair, len(pair))
    return min(dice_order, key=lambda r: loads.get(r.id, IDLE).outstanding / r.slots)
