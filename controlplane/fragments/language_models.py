"""The parts of the model pages that stay true while one looks at them."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from controlplane.fragments.listing import listing, sorted_by
from controlplane.fragments.progress import operation_progress, placement_progress
from controlplane.fragments.registry import Asked, fragment
from models_app.domain.actors import Actor
from models_app.domain.gguf_memory import estimate_gguf
from models_app.domain.specs import ArtifactFacts
from models_app.domain.states import ArtifactState, PlacementState, Role
from models_app.models import Artifact, LanguageModel, Placement
from models_app.selectors.language_models import (
    model_get,
    models_visible,
    placements_in_brief,
)
from models_app.selectors.operations import operations_visible

_SORTS = {"name": "name", "parameters": "parameters", "context": "context_length"}
PLACEMENTS_SHOWN = 200
CONTEXT_SHOWN = 4096
HOSTS_NAMED = 3


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One model as the list shows it."""

    model: LanguageModel
    artifacts: list[Artifact]

    @property
    def size_bytes(self) -> int:
        """What its artifacts take in the model store."""
        return sum(artifact.size_bytes or 0 for artifact in self.artifacts)

    @property
    def worst_state(self) -> str:
        """The state that its list row shows: what asks for attention first."""
        states = {artifact.state for artifact in self.artifacts}
        return next((state for state in _WORST if state in states), "")

    @property
    def placements_count(self) -> int:
        """On how many hosts, counted by artifact."""
        return sum(getattr(artifact, "placements_count", 0) for artifact in self.artifacts)


_WORST = (
    ArtifactState.CORRUPT,
    ArtifactState.MISSING,
    ArtifactState.REMOVING,
    ArtifactState.READY,
)


@dataclass(frozen=True, slots=True)
class ArtifactLine:
    """One artifact as the model's table shows it."""

    artifact: Artifact
    memory_bytes: int | None  # at a context of 4 K, predicted
    placements: list[Placement]

    @property
    def shown(self) -> list[Placement]:
        """The first hosts on which it lies."""
        return self.placements[:HOSTS_NAMED]

    @property
    def more_hosts(self) -> int:
        """On how many hosts it lies besides; counted, also where not all of them were read."""
        counted = getattr(self.artifact, "placements_count", len(self.placements))
        return max(0, int(counted) - len(self.shown))


@fragment("models.table", template="models/_table.html", lists=("model",))
def models_table(actor: Actor, asked: Asked) -> dict[str, Any]:
    """The list of models, as the address filters it."""
    return table_context(actor, asked.filters)


def table_context(actor: Actor, filters: QueryDict) -> dict[str, Any]:
    """Return the page of models that `filters` ask for."""
    rows = models_visible(
        actor, search=filters.get("search") or None, tier=filters.get("tier") or None
    )
    rows = sorted_by(rows, filters, _SORTS)
    page = listing(
        rows,
        filters,
        shown_as=lambda found: [ModelLine(row, list(row.artifacts.all())) for row in found],
    )
    return {"listing": page, "filters": filters}


@fragment("models.imports", template="models/_imports.html", lists=("operation",), every_s=2)
def models_imports(actor: Actor, asked: Asked) -> dict[str, Any]:
    """Imports that are under way."""
    return imports_context(actor)


def imports_context(actor: Actor, model: LanguageModel | None = None) -> dict[str, Any]:
    """Return unfinished operations on models as progress rows."""
    rows = operations_visible(actor, state="unfinished", model=model)[:20]
    may = actor.role.allows(Role.OPERATOR)
    return {"progress_rows": [operation_progress(row, may_operate=may) for row in rows]}


@fragment("model.artifacts", template="models/_artifacts.html", of="model", every_s=5)
def model_artifacts(actor: Actor, asked: Asked) -> dict[str, Any]:
    """The artifacts of one model, where they lie, and what is being done with them."""
    return artifacts_context(actor, model_get(actor, asked.id))


def artifacts_context(actor: Actor, model: LanguageModel) -> dict[str, Any]:
    """Return the artifacts of a model with their predicted memory and placements."""
    placed: dict[int, list[Placement]] = defaultdict(list)
    for placement in placements_in_brief(actor, model, limit=PLACEMENTS_SHOWN):
        placed[placement.artifact_id].append(placement)
    moving = [
        placement_progress(p)
        for rows in placed.values()
        for p in rows
        if p.state == PlacementState.PLACING
    ]
    return {
        "model": model,
        "lines": [
            ArtifactLine(row, memory_at_4k(row), placed[row.pk]) for row in model.artifacts.all()
        ],
        "moving": moving,
        **imports_context(actor, model),
    }


def memory_at_4k(artifact: Artifact) -> int | None:
    """Return the predicted memory of an artifact at a context of 4,096 tokens, any engine."""
    known = ArtifactFacts.__dataclass_fields__
    facts = ArtifactFacts(**{key: v for key, v in artifact.facts.items() if key in known})
    limit = facts.context_length or CONTEXT_SHOWN
    asked = {"context_length": min(CONTEXT_SHOWN, limit)}
    return estimate_gguf(facts, asked, overhead_bytes=0).total_bytes
