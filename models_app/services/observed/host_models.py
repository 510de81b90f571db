"""What the hands saw of the models that a host keeps by itself, and how those are adopted."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from models_app.domain.names import safe_file_name, slugify_name
from models_app.domain.ollama_names import is_slipways
from models_app.domain.specs import ArtifactFacts, HostedDetails, HostedModel
from models_app.domain.states import ArtifactState, PlacementState
from models_app.domain.tiers import tier_of
from models_app.models import Artifact, Host, HostModel, LanguageModel, Placement, Revision
from models_app.services.leases import Lease
from models_app.services.records import changed, event
from models_app.services.steps import step_one

FORMAT = "ollama"  # of an artifact that lies on such hosts and not in the model store
SOURCE = "ollama"
# Written only when one of these differs: most looks change nothing.
COLUMNS = (
    "digest", "size_bytes", "modified_at", "details", "is_ours", "loaded_bytes", "vram_bytes",
    "loaded_context", "loaded_until",
)  # fmt: skip


@transaction.atomic
def host_models_seen(lease: Lease[Host], host: Host, found: Iterable[HostedModel]) -> bool:
    """Make the rows say what the host said; return whether anything differed.

    A name that came to mean other content loses its artifact: it is adopted anew.
    """
    lease.renew()
    rows = {row.name: row for row in HostModel.objects.filter(host=host)}
    differs = False
    for one in found:
        row = rows.pop(one.name, None)
        differs |= _write(host, row, one)
    gone = [row.pk for row in rows.values()]
    if gone:
        HostModel.objects.filter(pk__in=gone).delete()
    if gone or differs:
        _forget_unplaced(host)
        changed(host)
    return bool(gone) or differs


@transaction.atomic
def host_model_adopt(
    lease: Lease[Host], host: Host, row: HostModel, details: HostedDetails
) -> Artifact:
    """Take a model that was there before into the catalogue, as an artifact placed on that host."""
    lease.renew()
    artifact = Artifact.objects.filter(sha256=row.digest).first()
    if artifact is None:
        artifact = _artifact_of(row, details.facts)
        params = {"model": row.name, "host": host.name, "bytes": row.size_bytes}
        event(artifact, "artifact.adopted", level="good", params=params)
    elif artifact.state == ArtifactState.MISSING:
        step_one(artifact, ArtifactState.READY)
    HostModel.objects.filter(pk=row.pk, digest=row.digest).update(
        artifact=artifact, shown=details.stored()
    )
    placement, _ = Placement.objects.update_or_create(
        artifact=artifact,
        host=host,
        defaults={
            "done_bytes": row.size_bytes,
            "total_bytes": row.size_bytes,
            "is_pinned": True,  # it was there before us: nothing of ours may take it away
        },
    )
    step_one(placement, PlacementState.READY)  # not while it is being taken off
    changed(artifact)
    return artifact


def _write(host: Host, row: HostModel | None, one: HostedModel) -> bool:
    fields = _fields(one)
    if row is None:
        HostModel.objects.create(host=host, name=one.name, **fields)
        return True
    different = {k: v for k, v in fields.items() if _differs(getattr(row, k), v)}
    if not different:
        return False
    if "digest" in different:
        different["artifact"] = None
    HostModel.objects.filter(pk=row.pk).update(**different)
    return True


def _differs(before: Any, now: Any) -> bool:
    if isinstance(before, datetime) and isinstance(now, datetime):
        return abs((before - now).total_seconds()) >= 1
    return bool(before != now)


def _fields(one: HostedModel) -> Mapping[str, Any]:
    return {
        "digest": one.digest,
        "size_bytes": one.size_bytes,
        "modified_at": _moment(one.modified_at),
        "details": dict(one.details),
        "is_ours": is_slipways(one.name),
        "loaded_bytes": one.loaded_bytes,
        "vram_bytes": one.vram_bytes,
        "loaded_context": one.loaded_context,
        "loaded_until": _moment(one.loaded_until),
    }


def _moment(seconds: float | None) -> datetime | None:
    # A model that stays for ever is loaded "until 2319"; a platform may not go that far.
    if seconds is None:
        return None
    return datetime.fromtimestamp(min(max(seconds, 0.0), 4_102_444_800.0), UTC)


def _artifact_of(row: HostModel, facts: ArtifactFacts) -> Artifact:
    base, _, tag = row.name.rpartition(":")
    model, is_new = LanguageModel.objects.get_or_create(
        name=slugify_name(base),
        defaults={
            "title": base[:200],
            "family": facts.architecture or "",
            "parameters": facts.parameters,
            "tier": tier_of(facts.parameters) or "",
            "context_length": facts.context_length,
            "licence": facts.licence or "",
            "source_kind": SOURCE,
            "source_reference": {"name": row.name},
        },
    )
    if is_new:
        changed(model)
    return Artifact.objects.create(
        model=model,
        format=FORMAT,
        quantization=(facts.quantization or "")[:20],
        file_name=safe_file_name(f"{base}_{tag}" if tag != "latest" else base),
        size_bytes=max(row.size_bytes, 1),
        sha256=row.digest,
        facts=asdict(facts),
        recipe={"adopted": row.name},
    )


def _forget_unplaced(host: Host) -> None:
    """Placements of content that the host no longer lists are gone; artifacts that lie nowhere are
    forgotten, or missing where a deployment's history needs their row."""
    listed = set(HostModel.objects.filter(host=host).values_list("digest", flat=True))
    for placement in Placement.objects.filter(host=host, artifact__format=FORMAT).select_related(
        "artifact__model"
    ):
        if placement.artifact.sha256 in listed:
            continue
        artifact = placement.artifact
        placement.delete()
        if not artifact.placements.exists():
            _forget(artifact)


def _forget(artifact: Artifact) -> None:
    model = artifact.model
    if Revision.objects.filter(artifact=artifact).exists():
        step_one(artifact, ArtifactState.MISSING)
        event(artifact, "artifact.missing", level="bad", params={"file": artifact.file_name})
    else:
        artifact.delete()
    changed(model)
    if model.source_kind == SOURCE and not model.artifacts.exists():
        model.delete()
