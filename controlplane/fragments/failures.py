"""Failures as boxes: code, sentence, remedy, evidence, and buttons for what may mend it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext

from controlplane.wording.failures import failure_text
from models_app.domain.failures import FailureCode as Code
from models_app.models import Deployment, Event
from models_app.models.base import WorkedRow


def failure_box(
    code: str, params: Mapping[str, Any], evidence: list[str], since: datetime | None = None
) -> dict[str, Any]:
    """Return what components/failure.html shows."""
    text = failure_text(code, params)
    return {
        "code": code,
        "sentence": text.sentence,
        "remedies": text.remedies,
        "passed_over": text.passed_over,
        "evidence": evidence,
        "since": since,
        "is_open": True,
    }


def failure_of_row(row: WorkedRow, since: datetime | None = None) -> dict[str, Any] | None:
    """Return the failure that a row carries now, None when it has none."""
    if not row.failure_code:
        return None
    return failure_box(row.failure_code, row.failure_params, row.failure_evidence, since)


def failure_of_event(event: Event) -> dict[str, Any] | None:
    """Return the failure that an event tells of, None when it tells of none."""
    code = event.params.get("failure")
    if not code:
        return None
    return failure_box(str(code), event.params, event.evidence)


def reason_of_row(row: WorkedRow) -> str:
    """Return why a row is not as wished, in one sentence; empty when it is."""
    return failure_text(row.failure_code, row.failure_params).sentence if row.failure_code else ""


_MEMORY = {Code.NOT_ENOUGH_MEMORY, Code.OUT_OF_MEMORY, Code.CONTEXT_TOO_LARGE, Code.MEMORY_UNKNOWN}
_ENGINE = {
    Code.PORT_IN_USE,
    Code.ENGINE_EXITED,
    Code.STARTUP_STALLED,
    Code.READINESS_FAILED,
    Code.HEALTH_LOST,
    Code.ENGINE_STUCK,
    Code.OUT_OF_MEMORY,
}
_ARTIFACT = {Code.ARTIFACT_MISSING, Code.CHECKSUM, Code.ARTIFACT_INVALID, Code.UNSUPPORTED_FORMAT}
_HOSTS = {
    Code.NO_HOST,
    Code.HOST_UNREACHABLE,
    Code.HOST_REFUSED,
    Code.DISK_FULL,
    Code.DISK_SPACE,
    Code.ENGINE_MISSING,
    Code.RUNTIME_UNSUPPORTED,
}


def deployment_actions(deployment: Deployment, code: str) -> list[dict[str, str]]:
    """Return the buttons that may mend a failure of a deployment, the likeliest first."""
    edit = reverse("web:deployment-edit", args=[deployment.name])
    model = deployment.revision.artifact.model.name if deployment.revision else ""
    offered = [
        (code in _MEMORY, gettext("Change context or artifact"), edit, ""),
        (code in _HOSTS, gettext("Look at the hosts"), reverse("web:hosts"), ""),
        (code == Code.NO_HOST, gettext("Change where it may run"), edit, ""),
        (
            code in _ARTIFACT and bool(model),
            gettext("Look at the model"),
            reverse("web:model", args=[model or "-"]),
            "",
        ),
        (
            code in _ENGINE,
            gettext("Read the logs"),
            reverse("web:deployment-logs", args=[deployment.name]),
            "",
        ),
        (
            True,
            gettext("Try again now"),
            reverse("web:deployment-retry", args=[deployment.name]),
            "post",
        ),
    ]
    return [
        {"label": label, "url": url, "method": method}
        for is_offered, label, url, method in offered
        if is_offered
    ]
