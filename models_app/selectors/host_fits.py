"""What a host could run: every artifact of the model store against the room there is now."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from models_app.domain.actors import Actor
from models_app.domain.gguf import ADAPTER_FORMAT
from models_app.domain.gguf_memory import estimate_gguf
from models_app.domain.sizing import Fit, Verdict, learned
from models_app.domain.specs import ArtifactFacts
from models_app.domain.states import ArtifactState, Role
from models_app.models import Artifact, EngineEntry, Host, Replica
from models_app.selectors.fits import HostLoad, host_loads, verdict_on

CONTEXT = 4096  # tokens of a request, where the model takes as many
ARTIFACTS_LIMIT = 500
PEAKS_LIMIT = 2000  # of the newest replicas, for all artifacts together
_ORDER = {Fit.FITS: 0, Fit.TIGHT: 1, Fit.DOES_NOT_FIT: 2, Fit.UNKNOWN: 3}


@dataclass(frozen=True, slots=True)
class ArtifactFit:
    """One artifact's verdict on a host. `engine` None: no engine serves it on such a host."""

    artifact: Artifact
    engine: EngineEntry | None
    context: int
    verdict: Verdict | None


def artifacts_on_host(actor: Actor, host: Host) -> list[ArtifactFit]:
    """Return what could run there, the largest that fits first. Four queries, however many."""
    actor.require(Role.VIEWER)
    ready = Artifact.objects.filter(state=ArtifactState.READY).exclude(format=ADAPTER_FORMAT)
    artifacts = list(ready.select_related("model")[:ARTIFACTS_LIMIT])
    engines = [row for row in EngineEntry.objects.order_by("key") if _is_for(row, host)]
    peaks = _peaks([row.pk for row in artifacts])
    load = host_loads().get(host.pk, HostLoad(0, 0))
    fits = [_fit(row, host, engines, peaks, load) for row in artifacts]
    return sorted(fits, key=_place)


def _is_for(entry: EngineEntry, host: Host) -> bool:
    return host.runtime in entry.manifest["runtimes"] and not entry.manifest.get("for_tests")


def _fit(
    artifact: Artifact,
    host: Host,
    engines: Sequence[EngineEntry],
    peaks: Mapping[tuple[int, str], list[tuple[dict[str, Any], int]]],
    load: HostLoad,
) -> ArtifactFit:
    known = ArtifactFacts.__dataclass_fields__
    facts = ArtifactFacts(**{k: v for k, v in artifact.facts.items() if k in known})
    context = min(CONTEXT, facts.context_length or CONTEXT)
    engine = next((e for e in engines if artifact.format in e.manifest["formats"]), None)
    if engine is None:
        return ArtifactFit(artifact, None, context, None)
    overhead = int(engine.manifest["overhead_bytes"])
    predict = partial(estimate_gguf, facts, overhead_bytes=overhead)
    earlier = peaks.get((artifact.pk, engine.key), [])
    estimate = learned(predict, {"context_length": context}, earlier)
    return ArtifactFit(artifact, engine, context, verdict_on(host, estimate, load))


def _peaks(artifacts: Sequence[int]) -> dict[tuple[int, str], list[tuple[dict[str, Any], int]]]:
    """Return what earlier replicas really took, by artifact and engine: (parameters, bytes)."""
    rows = Replica.objects.filter(revision__artifact__in=artifacts, peak_bytes__gt=0)
    found: dict[tuple[int, str], list[tuple[dict[str, Any], int]]] = defaultdict(list)
    columns = (
        "revision__artifact_id",
        "revision__engine",
        "revision__parameters",
        "peak_bytes",
    )
    for artifact, engine, parameters, peak in rows.order_by("-pk").values_list(*columns)[
        :PEAKS_LIMIT
    ]:
        found[artifact, engine].append((parameters, int(peak or 0)))
    return found


def _place(fit: ArtifactFit) -> tuple[int, int]:
    verdict = fit.verdict
    needed = (verdict.needed_bytes or 0) if verdict else 0
    rank = _ORDER[verdict.fit] if verdict else len(_ORDER)
    return rank, -needed if rank < _ORDER[Fit.DOES_NOT_FIT] else needed
