"""Revisions side by side: what a person set, field by field, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from controlplane.fragments.registry import Asked, fragment
from controlplane.wording.engines import engine_word
from controlplane.wording.formats import number_text
from models_app.domain.actors import Actor
from models_app.domain.label_rules import selector_lines
from models_app.domain.scheduling import Apart
from models_app.models import Deployment, EngineEntry, Revision
from models_app.selectors.deployments import (
    deployment_get,
    engines_visible,
    revisions_visible,
)

REVISIONS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field before and after; None: it was not set."""

    label: str
    before: str | None
    after: str | None

    @property
    def is_change(self) -> bool:
        """Whether the two differ."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class RevisionLine:
    """One revision with what it changed against the one before."""

    revision: Revision
    changes: list[FieldChange]
    is_wished: bool


@fragment("deployment.revisions", template="deployments/_revisions.html", of="deployment")
def deployment_revisions(actor: Actor, asked: Asked) -> dict[str, Any]:
    """The revisions of one deployment."""
    return revisions_context(actor, deployment_get(actor, asked.id))


def revisions_context(actor: Actor, deployment: Deployment) -> dict[str, Any]:
    """Return the newest revisions, each with what it changed."""
    found = list(revisions_visible(actor, deployment)[: REVISIONS_SHOWN + 1])
    titles = parameter_titles(engines_visible(actor, for_tests=True))
    before: list[Revision | None] = [*found[1:], None]
    pairs = zip(found, before, strict=True)
    lines = [
        RevisionLine(row, changes_between(older, row, titles), row.pk == deployment.revision_id)
        for row, older in pairs
    ]
    return {"deployment": deployment, "lines": lines[:REVISIONS_SHOWN]}


def changes_between(
    before: Revision | None, after: Revision, titles: Mapping[str, str]
) -> list[FieldChange]:
    """Return the fields that differ; of a first revision, all that were set."""
    old = dict(settings_rows(before, titles)) if before else {}
    new = dict(settings_rows(after, titles))
    labels = [*new, *(label for label in old if label not in new)]
    rows = [FieldChange(label, old.get(label), new.get(label)) for label in labels]
    return [row for row in rows if row.is_change]


def settings_rows(
    revision: Revision | None, titles: Mapping[str, str] | None = None
) -> list[tuple[str, str]]:
    """Return every field of a revision as (label, text)."""
    if revision is None:
        return []
    artifact = revision.artifact
    words = titles or {}
    rows = [
        (gettext("Model"), artifact.model.title),
        (gettext("Artifact"), artifact_word(artifact.quantization, artifact.file_name)),
        (gettext("Engine"), engine_word(revision.engine)),
        (gettext("Where"), placement_text(revision.placement)),
    ]
    rows += [
        (words.get(key, key), value_text(value))
        for key, value in sorted(revision.parameters.items())
    ]
    return rows


def artifact_word(quantization: str, file_name: str) -> str:
    """Return how an artifact is called: by its quantisation, else by its file."""
    return f"{quantization} · {file_name}" if quantization else file_name


def placement_text(placement: Mapping[str, Any]) -> str:
    """Return where a deployment may run, in words."""
    hosts, selector = placement.get("hosts"), placement.get("selector")
    if hosts:
        where = ", ".join(hosts)
    elif selector:
        where = ", ".join(selector_lines(selector))
    else:
        where = gettext("any host")
    if placement.get("policy") == "pack":
        where += f" · {gettext('packed on few hosts')}"
    if placement.get("apart") == Apart.REQUIRE:
        where += f" · {gettext('copies always apart')}"
    elif placement.get("apart") == Apart.PREFER:
        where += f" · {gettext('copies apart where possible')}"
    return where


def value_text(value: Any) -> str:
    """Return a parameter's value as people write it."""
    if value is None:
        return gettext("automatic")
    if isinstance(value, bool):
        return gettext("on") if value else gettext("off")
    if isinstance(value, int):
        return number_text(value)
    return str(value)


def parameter_titles(engines: list[EngineEntry]) -> dict[str, str]:
    """Return the engines' words for their parameters, in the language of the request."""
    titles: dict[str, str] = {}
    for engine in engines:
        properties = engine.manifest.get("parameters_schema", {}).get("properties", {})
        for key, schema in properties.items():
            title = str(schema.get("title") or "")
            titles.setdefault(key, gettext(title) if title else key)
    return titles
