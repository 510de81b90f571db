"""Chooses hosts for replicas: pure, and every choice says why, also why not the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models_app.domain.states import HostState, Scheduling


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
    replicas_of_this: int  # of the deployment being placed
    has_artifact: bool


@dataclass(frozen=True, slots=True)
class Need:
    """What a replica asks of a host."""

    runtimes: Sequence[str]
    memory_bytes: int | None  # None: unknown; then only hosts that a person named may take it
    hosts: Sequence[str] = ()  # empty: any
    selector: Mapping[str, str] = field(default_factory=dict)
    policy: str = "spread"
    only_where_placed: bool = False  # the artifact cannot be brought to a host


@dataclass(frozen=True, slots=True)
class Choice:
    """The host chosen (None: none fits), and for each host passed over, the reason code."""

    host_id: int | None
    host: str | None
    reason: Mapping[str, Any]


def choose_host(need: Need, offers: Sequence[HostOffer]) -> Choice:
    """Return the best host: by policy, then where the files lie already, then by room."""
    refused = {offer.name: code for offer in offers if (code := why_not(need, offer))}
    fitting = [offer for offer in offers if offer.name not in refused]
    if not fitting:
        return Choice(None, None, {"passed_over": refused})
    sign = 1 if need.policy == "spread" else -1
    best = min(
        fitting,
        key=lambda offer: (
            sign * offer.replicas_of_this,
            not offer.has_artifact,
            -sign * (offer.room_bytes or 0),
            offer.name,
        ),
    )
    reason: dict[str, Any] = {
        "policy": need.policy,
        "room_bytes": best.room_bytes,
        "needed_bytes": need.memory_bytes,
        "has_artifact": best.has_artifact,
        "passed_over": refused,
    }
    return Choice(best.host_id, best.name, reason)


def why_not(need: Need, offer: HostOffer) -> str | None:
    """Return the code of the first reason why a host cannot take a replica; None when it can."""
    checks = (
        ("NOT_NAMED", bool(need.hosts) and offer.name not in need.hosts),
        ("LABELS_DIFFER", any(offer.labels.get(k) != v for k, v in need.selector.items())),
        ("RUNTIME_UNSUPPORTED", offer.runtime not in need.runtimes),
        ("HOST_NOT_READY", offer.state != HostState.READY),
        ("HOST_CLOSED", offer.scheduling != Scheduling.OPEN),
        ("ARTIFACT_NOT_THERE", need.only_where_placed and not offer.has_artifact),
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
