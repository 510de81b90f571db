"""Does it fit, where, and why not elsewhere: the same figures for forms, scripts and scheduling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import Count, Q, Sum

from models_app.domain.actors import Actor
from models_app.domain.bound_parameters import unfit_runtimes
from models_app.domain.gguf_memory import estimate_gguf
from models_app.domain.scheduling import Apart, HostOffer, Need, Policy, known_labels, why_not
from models_app.domain.sizing import (
    MemoryEstimate,
    Verdict,
    learned,
    verdict,
)
from models_app.domain.specs import ArtifactFacts
from models_app.domain.states import HostState, PlacementState, ReplicaState, Role, Scheduling
from models_app.models import Artifact, Deployment, EngineEntry, Host, Placement, Replica, Revision

HOSTED_FORMAT = "ollama"  # lies on hosts only: where it is, or nowhere


@dataclass(frozen=True, slots=True)
class HostFit:
    """What a host says to a wish: the verdict on its memory, and any other reason against it."""

    host: Host
    verdict: Verdict
    refusal: str | None  # a code of scheduling.why_not, None when it would take it


@dataclass(frozen=True, slots=True)
class HostLoad:
    """What is promised on a host, in bytes: predicted for replicas, or measured where more."""

    promised: int
    measured: int


def memory_estimate(
    artifact: Artifact, engine: str, parameters: Mapping[str, Any]
) -> MemoryEstimate:
    """Predict what serving an artifact needs, corrected by what earlier replicas really took."""
    entry = EngineEntry.objects.filter(key=engine).first()
    overhead = int(entry.manifest["overhead_bytes"]) if entry else 0
    known = ArtifactFacts.__dataclass_fields__
    facts = ArtifactFacts(**{k: v for k, v in artifact.facts.items() if k in known})
    predict = partial(estimate_gguf, facts, overhead_bytes=overhead)
    return learned(predict, parameters, _peaks(artifact, engine))


def predicted_bytes(revision: Revision) -> int | None:
    """Return the predicted memory of one replica of a revision; None when a fact is unknown."""
    return memory_estimate(revision.artifact, revision.engine, revision.parameters).total_bytes


def need_of(revision: Revision) -> Need:
    """Return what a replica of this revision asks of a host."""
    return need_for(
        EngineEntry.objects.filter(key=revision.engine).first(),
        revision.artifact,
        revision.parameters,
        memory_bytes=predicted_bytes(revision),
        placement=revision.placement,
    )


def need_for(
    engine: EngineEntry | None,
    artifact: Artifact,
    parameters: Mapping[str, Any],
    *,
    memory_bytes: int | None,
    placement: Mapping[str, Any],
) -> Need:
    """Return what such a replica asks of a host, saved or not."""
    return Need(
        runtimes=tuple(engine.manifest["runtimes"]) if engine else (),
        memory_bytes=memory_bytes,
        hosts=tuple(placement.get("hosts", ())),
        selector=dict(placement.get("selector", {})),
        policy=str(placement.get("policy", Policy.SPREAD)),
        apart=str(placement.get("apart", Apart.ANY)),
        only_where_placed=artifact.format == HOSTED_FORMAT,
        unfit=unfit_runtimes(engine.manifest, parameters) if engine else (),
    )


def offers_for(deployment: Deployment | None, artifact: Artifact) -> list[HostOffer]:
    """Return every host as the scheduler sees it. Four queries, however many hosts.

    Copies are counted of the revision wished for: an older one is about to go.
    """
    hosts = list(Host.objects.exclude(state=HostState.REMOVING))
    loads = host_loads()
    placed = set(
        Placement.objects.filter(artifact=artifact, state=PlacementState.READY).values_list(
            "host_id", flat=True
        )
    )
    live = Replica.objects.exclude(state=ReplicaState.RETIRED)
    live = live.filter(deployment=deployment, revision=deployment.revision if deployment else None)
    counts = dict(live.filter(is_wanted=True).values_list("host").annotate(n=Count("pk")))
    return [
        HostOffer(
            host_id=host.pk,
            name=host.name,
            state=HostState(host.state),
            scheduling=Scheduling(host.scheduling),
            runtime=host.runtime,
            labels=known_labels(host.labels, runtime=host.runtime, facts=host.facts),
            room_bytes=_room(host, loads.get(host.pk, HostLoad(0, 0))),
            replicas_of_this=counts.get(host.pk, 0),
            has_artifact=host.pk in placed,
        )
        for host in hosts
    ]


def fit_on_hosts(
    actor: Actor,
    *,
    artifact: Artifact,
    engine: str,
    parameters: Mapping[str, Any],
    hosts: Sequence[Host] | None = None,
) -> list[HostFit]:
    """Return for each host whether one replica fits, with the figures, before anything is saved."""
    actor.require(Role.VIEWER)
    estimate = memory_estimate(artifact, engine, parameters)
    entry = EngineEntry.objects.filter(key=engine).first()
    need = need_for(entry, artifact, parameters, memory_bytes=estimate.total_bytes, placement={})
    offers = {offer.host_id: offer for offer in offers_for(None, artifact)}
    loads = host_loads()
    chosen = hosts if hosts is not None else Host.objects.filter(pk__in=offers)
    return [
        HostFit(
            host,
            verdict_on(host, estimate, loads.get(host.pk, HostLoad(0, 0))),
            why_not(need, offers[host.pk]),
        )
        for host in chosen
        if host.pk in offers
    ]


def host_loads() -> dict[int, HostLoad]:
    """Return what our live replicas have been promised and take, by host."""
    rows = (
        Replica.objects.exclude(state__in=[ReplicaState.RETIRED, ReplicaState.FAILED])
        .values("host_id")
        .annotate(
            promised=Sum("predicted_bytes"),
            measured=Sum("memory_bytes", filter=Q(state__in=_RUNNING)),
        )
    )
    return {
        row["host_id"]: HostLoad(int(row["promised"] or 0), int(row["measured"] or 0))
        for row in rows
    }


_RUNNING = [ReplicaState.READY, ReplicaState.UNHEALTHY, ReplicaState.STARTING]


def verdict_on(host: Host, estimate: MemoryEstimate, load: HostLoad) -> Verdict:
    """Judge an estimate against a host as it was seen last, with what is promised there."""
    usage = host.usage
    used = usage.get("memory_used_bytes")
    return verdict(
        estimate,
        # A host that cannot tell its memory has what an admin says that it may use.
        capacity_bytes=host.facts.get("memory_total_bytes") or host.memory_budget_bytes,
        promised_bytes=load.promised,
        used_by_others_bytes=None if used is None else max(used - load.measured, 0),
        budget_bytes=host.memory_budget_bytes,
    )


def _room(host: Host, load: HostLoad) -> int | None:
    nothing = MemoryEstimate.of_bytes(0)
    return verdict_on(host, nothing, load).available_bytes


def _peaks(artifact: Artifact, engine: str) -> list[tuple[dict[str, Any], int]]:
    """Return (parameters, peak bytes) of the last ten replicas of this artifact on this engine."""
    rows = Replica.objects.filter(
        revision__artifact=artifact, revision__engine=engine, peak_bytes__gt=0
    )
    pairs = rows.order_by("-pk").values_list("revision__parameters", "peak_bytes")[:10]
    return [(parameters, int(peak or 0)) for parameters, peak in pairs]
