"""The right side of the deployment form: would it fit, where would it go, what would change."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext, ngettext

from controlplane.fragments.memory import HostMemory, common_scale, host_memory
from controlplane.wording.failures import reason_text
from controlplane.wording.formats import number_text, size_parts, size_text
from models_app.domain.actors import Actor
from models_app.domain.scheduling import (
    HostOffer,
    Need,
    choose_host,
    known_labels,
    why_not,
)
from models_app.domain.sizing import Fit, MemoryEstimate
from models_app.domain.states import HostState, PlacementState, Scheduling
from models_app.models import Artifact, Deployment, EngineEntry, Host
from models_app.selectors.fits import HostFit, fit_on_hosts, memory_estimate, need_for
from models_app.selectors.hosts import hosts_visible
from models_app.selectors.language_models import placements_visible

HOSTS_SHOWN = 8
VERDICTS = {Fit.FITS: "fits", Fit.TIGHT: "tight", Fit.DOES_NOT_FIT: "short"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the form asks for now."""

    artifact: Artifact
    engine: EngineEntry
    parameters: Mapping[str, Any]
    placement: Mapping[str, Any]
    replicas: int
    deployment: Deployment | None = None


@dataclass(frozen=True, slots=True)
class FitLine:
    """One host's answer to the wish."""

    host: Host
    memory: HostMemory
    kind: str  # fits, tight, short, unknown
    left_bytes: int | None
    refusal: str
    chosen: int  # how many replicas would go there

    @property
    def is_open(self) -> bool:
        """Whether a replica could go there."""
        return not self.refusal


def fit_context(actor: Actor, wish: Wish) -> dict[str, Any]:
    """Return each host's verdict, the best first, and the plan in words."""
    hosts = list(hosts_visible(actor))
    fits = fit_on_hosts(
        actor,
        artifact=wish.artifact,
        engine=wish.engine.key,
        parameters=wish.parameters,
        hosts=hosts,
    )
    estimate = memory_estimate(wish.artifact, wish.engine.key, wish.parameters)
    need = need_for(
        wish.engine,
        wish.artifact,
        wish.parameters,
        memory_bytes=estimate.total_bytes,
        placement=wish.placement,
    )
    offers = _offers(actor, fits, wish.artifact)
    chosen = would_go(need, offers, wish.replicas)
    lines = _lines(fits, need, offers, chosen)
    shown = lines[:HOSTS_SHOWN]
    return {
        "lines": shown,
        "scale": common_scale(line.memory for line in shown),
        "more": len(lines) - len(shown),
        "needed_bytes": estimate.total_bytes,
        "needed_parts": size_parts(estimate.total_bytes),
        "needed_words": _parts_text(estimate),
        "unknown": ", ".join(estimate.unknown),
        "plan": plan_text(chosen, wish.replicas),
        "is_short": chosen.total() < wish.replicas,
        "replicas": wish.replicas,
    }


def _parts_text(estimate: MemoryEstimate) -> str:
    return gettext("weights {weights} · context {cache} · engine {engine}").format(
        weights=size_text(estimate.weights_bytes),
        cache=size_text(estimate.kv_cache_bytes),
        engine=size_text(estimate.compute_bytes + estimate.overhead_bytes),
    )


def _offers(actor: Actor, fits: Sequence[HostFit], artifact: Artifact) -> list[HostOffer]:
    """Return the hosts as the scheduler sees them, from the figures that are here already."""
    placed = set(
        placements_visible(actor, artifact=artifact, state=PlacementState.READY).values_list(
            "host_id", flat=True
        )
    )
    return [
        HostOffer(
            host_id=fit.host.pk,
            name=fit.host.name,
            state=HostState(fit.host.state),
            scheduling=Scheduling(fit.host.scheduling),
            runtime=fit.host.runtime,
            labels=known_labels(fit.host.labels, runtime=fit.host.runtime, facts=fit.host.facts),
            room_bytes=fit.verdict.available_bytes,
            replicas_of_this=0,
            has_artifact=fit.host.pk in placed,
        )
        for fit in fits
    ]


def would_go(need: Need, offers: Sequence[HostOffer], replicas: int) -> Counter[str]:
    """Return how many replicas would go to which host, chosen as the scheduler chooses."""
    open_offers = list(offers)
    chosen: Counter[str] = Counter()
    for _ in range(replicas):
        choice = choose_host(need, open_offers)
        if choice.host is None:
            break
        chosen[choice.host] += 1
        open_offers = [
            _after(offer, need) if offer.name == choice.host else offer for offer in open_offers
        ]
    return chosen


def _after(offer: HostOffer, need: Need) -> HostOffer:
    room = offer.room_bytes
    if room is not None and need.memory_bytes is not None:
        room -= need.memory_bytes
    count = offer.replicas_of_this + 1
    return replace(offer, room_bytes=room, replicas_of_this=count, has_artifact=True)


def _lines(
    fits: Sequence[HostFit], need: Need, offers: Sequence[HostOffer], chosen: Counter[str]
) -> list[FitLine]:
    by_id = {offer.host_id: offer for offer in offers}
    lines = []
    for fit in fits:
        if fit.host.state == HostState.REMOVING:
            continue
        refusal = why_not(need, by_id[fit.host.pk])
        lines.append(
            FitLine(
                host=fit.host,
                memory=host_memory(fit.host),
                kind=VERDICTS.get(fit.verdict.fit, "unknown"),
                left_bytes=fit.verdict.left_bytes,
                refusal=reason_text(refusal) if refusal else "",
                chosen=chosen[fit.host.name],
            )
        )
    lines.sort(key=lambda line: (-line.chosen, not line.is_open, -(line.left_bytes or 0)))
    return lines


def plan_text(chosen: Counter[str], replicas: int) -> str:
    """Return where the replicas would go, in one sentence."""
    if replicas == 0:
        return gettext("No replica runs until you scale it up.")
    if not chosen:
        return gettext("No host can take a replica now. It would wait until one can.")
    named = [
        gettext("{n} to {name}").format(n=number_text(n), name=name) if n > 1 else name
        for name, n in chosen.most_common(4)
    ]
    where = ", ".join(named) + (" …" if len(chosen) > len(named) else "")
    text = ngettext("{n} replica goes to {where}.", "{n} replicas go to {where}.", chosen.total())
    said = text.format(n=number_text(chosen.total()), where=where)
    waiting = replicas - chosen.total()
    if waiting:
        more = ngettext("{n} more waits for room.", "{n} more wait for room.", waiting)
        said = f"{said} {more.format(n=number_text(waiting))}"
    return said
