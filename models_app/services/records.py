"""What every write leaves behind: an audit row (who), an event (what happened), a live hint."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import F, Model
from django.forms.models import model_to_dict

from models_app.domain.actors import Actor
from models_app.domain.errors import ConflictError
from models_app.domain.failures import Failure
from models_app.models import (
    Artifact,
    AuditEntry,
    Deployment,
    Event,
    Host,
    Operation,
    Placement,
    Replica,
)
from models_app.models.base import Row
from models_app.notify import browsers

_KINDS = {"languagemodel": "model", "gatewaykey": "gateway_key"}
EVIDENCE_LINES = 50
WATCHED_KINDS = frozenset({"check_connection"})  # whoever began it waits in front of it
EVIDENCE_WIDTH = 500
TOLD_ELSEWHERE = frozenset(
    {
        "deployment.became_ready",
        "deployment.became_degraded",
        "deployment.became_failed",
        "deployment.became_unknown",
        "deployment.rollout_halted",
        "host.ready",
        "host.unreachable",
        "host.failed",
        "host.left_behind",
        "artifact.corrupt",
        "operation.succeeded",
        "operation.failed",
    }
)
"""Codes of events that a person hears of on whatever page they are; few, and never their steps."""


def audit(
    actor: Actor, action: str, subject: Row | None, changes: Mapping[str, Any] | None = None
) -> None:
    """Write the audit row of a change. `changes` holds {field: [before, after]}, no secrets."""
    AuditEntry.objects.create(
        actor_id=actor.user_id,
        actor_name=actor.name,
        via=actor.via,
        address=actor.address,
        request_id=actor.request_id,
        action=action,
        subject_kind=kind_of(subject) if subject else "",
        subject_id=subject.public_id if subject else None,
        subject_name=str(subject)[:100] if subject else "",
        changes=dict(changes or {}),
    )


def kind_of(row: Model) -> str:
    """Return the glossary's word for a row: deployment, host, model, ..."""
    model_name = row._meta.model_name or ""
    return _KINDS.get(model_name, model_name)


def event(
    subject: Row,
    code: str,
    *,
    level: str = "info",
    params: Mapping[str, Any] | None = None,
    evidence: Sequence[str] = (),
) -> Event:
    """Add a line to the history of an object, and of the deployment and host it belongs to."""
    row = Event.objects.create(
        code=code,
        level=level,
        params=dict(params or {}),
        evidence=trim_evidence(evidence),
        subject_kind=kind_of(subject),
        subject_id=subject.public_id,
        deployment_id=_deployment_of(subject),
        host_id=_host_of(subject),
    )
    browsers.publish_changed("event", row.public_id)
    is_watched = isinstance(subject, Operation) and subject.kind in WATCHED_KINDS
    if code in TOLD_ELSEWHERE and not is_watched:
        browsers.publish_changed(browsers.NOTICE, row.public_id)
    return row


def trim_evidence(lines: Sequence[str]) -> list[str]:
    """Return the last lines, each of bounded width."""
    return [line[:EVIDENCE_WIDTH] for line in lines[-EVIDENCE_LINES:]]


def failure_fields(failure: Failure | None) -> dict[str, Any]:
    """Return the columns that hold a failure; None clears them."""
    if failure is None:
        return {"failure_code": "", "failure_params": {}, "failure_evidence": []}
    return {
        "failure_code": str(failure.code),
        "failure_params": dict(failure.params),
        "failure_evidence": trim_evidence(failure.evidence),
    }


def changed(row: Row) -> None:
    """Hint to browsers that a row changed, and whatever shows it as a part."""
    if isinstance(row, Replica):
        browsers.publish_changed("deployment", row.deployment.public_id)
        browsers.publish_changed("host", row.host.public_id)
    elif isinstance(row, Placement):
        browsers.publish_changed("host", row.host.public_id)
        browsers.publish_changed("model", row.artifact.model.public_id)
    elif isinstance(row, Artifact):
        browsers.publish_changed("model", row.model.public_id)
    else:
        browsers.publish_changed(kind_of(row), row.public_id, row.version)


def hold(row: Row, version: int | None = None) -> None:
    """Keep everybody else from changing a row until the commit, and read it anew.

    Call it first in a transaction whose checks of the row shall stay true: the row in hand was read
    before, and PostgreSQL lets others write in between (SQLite has one writer anyway). Raises
    ConflictError STALE when the row is gone, or is not at the `version` that the caller saw: also
    where nothing would change.
    """
    rows = type(row)._default_manager.select_for_update(of=("self",))
    try:
        row.refresh_from_db(from_queryset=rows)
    except type(row).DoesNotExist:
        raise ConflictError("STALE", params={"name": str(row)}) from None
    if version is not None and version != row.version:
        raise ConflictError("STALE", params={"name": str(row)})


def lock_version(row: Row, version: int | None) -> None:
    """Take the next version of a row for a person's change.

    `version` is what the person saw; None skips the check. Raises ConflictError STALE when somebody
    else changed the row since.
    """
    rows = type(row)._default_manager.filter(pk=row.pk)
    if version is not None:
        rows = rows.filter(version=version)
    if not rows.update(version=F("version") + 1):
        raise ConflictError("STALE", params={"name": str(row)})
    row.refresh_from_db()


def before_and_after(row: Row, changes: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return {field: [before, after]} of the fields that really change."""
    now = model_to_dict(row, fields=list(changes))
    return {key: [now.get(key), value] for key, value in changes.items() if now.get(key) != value}


def _deployment_of(subject: Row) -> UUID | None:
    if isinstance(subject, Deployment):
        return subject.public_id
    return subject.deployment.public_id if isinstance(subject, Replica) else None


def _host_of(subject: Row) -> UUID | None:
    if isinstance(subject, Host):
        return subject.public_id
    if isinstance(subject, Replica | Placement):
        return subject.host.public_id
    if isinstance(subject, Operation) and subject.host:
        return subject.host.public_id
    return None
