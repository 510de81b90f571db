"""Chooses the replica of a request. Pure: loads, time and dice come from the caller.

Of two random replicas the one with the least outstanding work per slot is taken: nearly as even as
looking at all, and many processes that choose at once do not all run to the same one. A replica
gets as many requests at a time as it has slots. One that failed three times in a row is left alone
for 30 s, then gets one request as a probe. When every replica is ejected none is: a doubtful
replica answers more often than an error does.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from models_app.domain.routes import ReplicaRoute

FAILURES_TO_EJECT = 3
EJECTED_S = 30.0


class Load(Struct, frozen=True):  # three a request: a dataclass takes five times as long to make
    """What this process has asked of a replica, and how it went lately."""

    outstanding: int = 0
    failures: int = 0  # in a row
    ejected_until: float = 0.0

    def asked(self) -> "Load":
        """One more request is under way."""
        return Load(self.outstanding + 1, self.failures, self.ejected_until)

    def ended(self) -> "Load":
        """One request is no longer under way; says nothing about how it went."""
        return Load(max(0, self.outstanding - 1), self.failures, self.ejected_until)

    def succeeded(self) -> "Load":
        """The replica answered: what was before does not count any more."""
        return Load(self.outstanding)

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
    replicas: Sequence[ReplicaRoute],
    loads: Mapping[str, Load],
    now: float,
    dice: Random,
    affinity: str = "",
    limit: Callable[[ReplicaRoute], int] | None = None,
) -> ReplicaRoute | None:
    """Return the replica to ask; None when there is none, or none has a free slot.

    `affinity` names what should meet the same replica again (a session, the beginning of a
    prompt that it has in its cache); it does while that replica has a free slot. `limit` says how
    many of a replica's slots are this process's, when they are not all.
    """
    limit = limit or _all_slots
    if len(replicas) == 1:  # asked even when ejected: there is nobody better
        only = replicas[0]
        return only if loads.get(only.id, IDLE).outstanding < limit(only) else None
    eligible = _eligible(replicas, loads, now)
    free = [r for r in eligible if loads.get(r.id, IDLE).outstanding < limit(r)]
    if len(free) <= 1:
        return free[0] if free else None
    if affinity:
        favourite = max(eligible, key=lambda r: _liking(affinity, r.id))
        if favourite in free:
            return favourite
    first, second = free if len(free) == 2 else dice.sample(free, 2)  # noqa: PLR2004
    one, other = _share(first, loads), _share(second, loads)
    if one == other:
        return first if dice.random() < 0.5 else second  # noqa: PLR2004
    return first if one < other else second


def ranked(
    replicas: Sequence[ReplicaRoute],
    loads: Mapping[str, Load],
    now: float,
    dice: Random,
    affinity: str = "",
) -> list[ReplicaRoute]:
    """Return the replicas that may be asked, in any order; with `affinity` the favourite first."""
    eligible = list(_eligible(replicas, loads, now))
    if affinity:
        return sorted(eligible, key=lambda r: _liking(affinity, r.id), reverse=True)
    dice.shuffle(eligible)
    return eligible


def _eligible(
    replicas: Sequence[ReplicaRoute], loads: Mapping[str, Load], now: float
) -> Sequence[ReplicaRoute]:
    return [r for r in replicas if loads.get(r.id, IDLE).is_eligible(now)] or replicas


def _all_slots(replica: ReplicaRoute) -> int:
    return replica.slots


def _share(replica: ReplicaRoute, loads: Mapping[str, Load]) -> float:
    return loads.get(replica.id, IDLE).outstanding / replica.slots


def _liking(affinity: str, replica_id: str) -> bytes:
    """Rendezvous hashing: when a replica goes, only those that liked it best move."""
    return blake2b(f"{affinity}\0{replica_id}".encode(), digest_size=8).digest()
