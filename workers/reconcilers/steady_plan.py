"""Which replicas a host's look may answer for, and which need one of their own: pure."""

from dataclasses import dataclass
from enum import StrEnum

from models_app.domain.specs import Observed
from models_app.domain.states import ReplicaState

GOOD_TIME_S = 600.0  # after this long ready, earlier failures no longer count


class Care(StrEnum):
    """Whose business a replica is now."""

    ITS_OWN = "its_own"  # its reconciler is at it, or will be soon by itself
    LOOK_NOW = "look_now"  # what was seen asks for its reconciler
    PROBE = "probe"  # as it should be, as far as the host tells


@dataclass(frozen=True, slots=True)
class SteadyView:
    """What this plan needs of a replica's row. `is_held`: somebody works on it now.

    That it is due says nothing: its own reconciler would see what the host's look sees.
    """

    state: ReplicaState
    is_wanted: bool
    is_held: bool
    misses: int
    attempts: int
    ready_s: float
    external_id: str
    spec_hash: str
    address: str


def care_of(view: SteadyView, observed: Observed | None) -> Care:
    """Return whose business it is, from its row and what the host lists of it."""
    is_serving = view.state == ReplicaState.READY and view.is_wanted and not view.misses
    if not is_serving or view.is_held:
        return Care.ITS_OWN
    if observed is None or not observed.running or observed.drift:
        return Care.LOOK_NOW
    is_other = (observed.external_id, observed.spec_hash, observed.address) != (
        view.external_id,
        view.spec_hash,
        view.address,
    )
    may_forgive = view.attempts > 0 and view.ready_s > GOOD_TIME_S
    return Care.LOOK_NOW if is_other or may_forgive else Care.PROBE
