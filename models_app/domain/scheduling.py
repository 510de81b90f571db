"""Chooses hosts for replicas: pure, and every choice says why, also why not the others."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from models_app.domain.label_rules import Rule, fits
from models_app.domain.states import HostState, Scheduling

TOLD = 40  # hosts named with their reason; of the rest only how many for which reason


class Policy(StrEnum):
    """Over many hosts, or on few of them."""

    SPREAD = "spread"
    PACK = "pack"


class Apart(StrEnum):
    """May two replicas of one deployment share a host?"""

    ANY = "any"
    PREFER = "prefer"
    REQUIRE = "require"


@dataclass(frozen=True, slots=True)
class HostOffer:
    """A host as the scheduler sees it. `room_bytes` None: its memory is not known."""

    host_id: int
    name: str
    state: HostState
    scheduling: Scheduling
    runtime: str
    labels: Mapping[str, str]
    room_bytes: int | None  # budget minus what is used and promised
    replicas_of_this: int  # of the deployment being placed, of the revision wished for
    has_artifact: bool


@dataclass(frozen=True, slots=True)
class Need:
    """What a replica asks of a host."""

    runtimes: Sequence[str]
    memory_bytes: int | None  # None: unknown; then only hosts that a person named may take it
    hosts: Sequence[str] = ()  # empty: any
    selector: Mapping[str, Rule] = field(default_factory=dict)
    policy: str = Policy.SPREAD
    apart: str = Apart.ANY
    only_where_placed: bool = False  # the artifact cannot be brought to a host
    unfit: Collection[str] = ()  # of the runtimes, those that cannot honour a parameter that is set


@dataclass(frozen=True, slots=True)
class Choice:
    """The host chosen (None: none fits); `reason` is what the ledger keeps of it, in bounded size.

    `refused` holds for each host that cannot take it the reason code.
    """

    host_id: int | None
    host: str | None
    reason: Mapping[str, Any]
    refused: Mapping[str, str]


def known_labels(
    labels: Mapping[str, str], *, runtime: str, facts: Mapping[str, Any]
) -> dict[str, str]:
    """Return a host's labels with those that it has by itself; what people wrote goes before.

    `gpu` is the vendor or none, `runtime`, `architecture`: deployments can ask for them as well.
    What nobody has looked at, as on the machine behind an Ollama server, is no label.
    """
    gpus, architecture = facts.get("gpus"), facts.get("architecture")
    own = {"runtime": runtime}
    if gpus is not None:
        own["gpu"] = str(gpus[0].get("vendor") or "other") if gpus else "none"
    if architecture:
        own["architecture"] = str(architecture)
    return own | dict(labels)


def choose_host(need: Need, offers: Sequence[HostOffer]) -> Choice:
    """Return the best host: by copies, then where the files lie already, then by room."""
    refused = {offer.name: code for offer in offers if (code := why_not(need, offer))}
    fitting = [offer for offer in offers if offer.name not in refused]
    if not fitting:
        return Choice(None, None, _bounded(refused), refused)
    best = min(fitting, key=lambda offer: _rank(need, offer))
    worse = {offer.name: _why_worse(need, best, offer) for offer in fitting if offer is not best}
    reason: dict[str, Any] = {
        "policy": need.policy,
        "apart": need.apart,
        "room_bytes": best.room_bytes,
        "needed_bytes": need.memory_bytes,
        "has_artifact": best.has_artifact,
        "copies": best.replicas_of_this,
        **_bounded({**worse, **refused}),
    }
    return Choice(best.host_id, best.name, reason, refused)


def why_not(need: Need, offer: HostOffer) -> str | None:
    """Return the code of the first reason why a host cannot take a replica; None when it can."""
    checks = (
        ("NOT_NAMED", bool(need.hosts) and offer.name not in need.hosts),
        ("LABELS_DIFFER", not fits(need.selector, offer.labels)),
        ("RUNTIME_UNSUPPORTED", offer.runtime not in need.runtimes),
        ("PARAMETERS_NOT_THERE", offer.runtime in need.unfit),
        ("HOST_NOT_READY", offer.state != HostState.READY),
        ("HOST_CLOSED", offer.scheduling != Scheduling.OPEN),
        ("ARTIFACT_NOT_THERE", need.only_where_placed and not offer.has_artifact),
        ("COPY_THERE", need.apart == Apart.REQUIRE and offer.replicas_of_this > 0),
        ("MEMORY_UNKNOWN", _is_unknown(need, offer) and not need.hosts),
        ("NOT_ENOUGH_MEMORY", _is_too_small(need, offer)),
    )
    return next((code for code, is_true in checks if is_true), None)


def _is_unknown(need: Need, offer: HostOffer) -> bool:
    return need.memory_bytes is None or offer.room_bytes is None


def _is_too_small(need: Need, offer: HostOffer) -> bool:
    if need.memory_bytes is None or offer.room_bytes is None:
        return False
    return offer.room_bytes < need.memory_bytes


def _rank(need: Need, offer: HostOffer) -> tuple[int, bool, int, str]:
    """Return what hosts are ordered by, the best first; `_RANKED` names the parts."""
    room = offer.room_bytes or 0
    packs = need.policy == Policy.PACK
    gathers = packs and need.apart == Apart.ANY
    copies = -offer.replicas_of_this if gathers else offer.replicas_of_this
    return copies, not offer.has_artifact, room if packs else -room, offer.name


_RANKED = (
    ("FEWER_COPIES", "MORE_COPIES"),
    ("FILE_NOT_THERE", "FILE_NOT_THERE"),
    ("MORE_ROOM", "LESS_ROOM"),
    ("AS_GOOD", "AS_GOOD"),
)


def _why_worse(need: Need, best: HostOffer, other: HostOffer) -> str:
    """Return in what a host that could take the replica is worse than the one chosen."""
    packs = need.policy == Policy.PACK
    gathers = packs and need.apart == Apart.ANY
    pairs = zip(_rank(need, best), _rank(need, other), strict=True)
    place = next(i for i, (one, two) in enumerate(pairs) if one != two)
    when_packing, when_spreading = _RANKED[place]
    return when_packing if (gathers if place == 0 else packs) else when_spreading


def _bounded(reasons: Mapping[str, str]) -> dict[str, Any]:
    """Return the reasons for each host, however many hosts there are in a bounded size."""
    named = dict(list(reasons.items())[:TOLD])
    told: dict[str, Any] = {"passed_over": named}
    if len(reasons) > TOLD:
        rest = list(reasons.values())[TOLD:]
        told["passed_over_more"] = dict(Counter(rest).most_common())
    return told
