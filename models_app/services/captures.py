"""Turning a capture on and off, writing what it caught, and deleting that.

Only an admin may, for one deployment, for hours, as a sample; each step leaves an audit row and a
line in the deployment's story, and everybody who opens its pages is told while it runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from models_app.domain.actors import Actor
from models_app.domain.captures import KEPT_REQUESTS, check_capture
from models_app.domain.redaction import redact
from models_app.domain.states import Role
from models_app.domain.transcripts import answer_text, question_text
from models_app.models import Capture, CapturedRequest, Deployment
from models_app.services.records import audit, changed, event

STATUS_WIDTH = 40


@dataclass(frozen=True, slots=True)
class Caught:
    """One request as the gateway held it: bytes, not yet read by anybody."""

    deployment_id: int
    at: datetime
    caller: str
    path: str
    status: str
    question: bytes
    answer: bytes


@transaction.atomic
def capture_start(
    actor: Actor, deployment: Deployment, *, percent: int, hours: int, keep_days: int
) -> Capture:
    """Have a share of a deployment's requests kept from now on (admin). Raises InvalidError."""
    actor.require(Role.ADMIN)
    asked = {"percent": percent, "hours": hours, "keep_days": keep_days}
    check_capture(asked)
    now = timezone.now()
    capture, _ = Capture.objects.update_or_create(
        deployment=deployment,
        defaults={
            "percent": percent,
            "until": now + timedelta(hours=hours),
            "keep_days": keep_days,
            "started_at": now,
            "started_by_id": actor.user_id,
        },
    )
    audit(
        actor, "capture.start", deployment, {name: [None, value] for name, value in asked.items()}
    )
    params = {"by": actor.name, "percent": percent, "hours": hours}
    event(deployment, "deployment.capture_started", level="warning", params=params)
    changed(deployment)
    return capture


@transaction.atomic
def capture_stop(actor: Actor, deployment: Deployment) -> None:
    """Keep nothing any more (admin); what was caught stays until it is deleted or expires."""
    actor.require(Role.ADMIN)
    now = timezone.now()
    if not Capture.objects.filter(deployment=deployment, until__gt=now).update(until=now):
        return
    audit(actor, "capture.stop", deployment)
    event(deployment, "deployment.capture_stopped", params={"by": actor.name})
    changed(deployment)


@transaction.atomic
def captured_delete(actor: Actor, deployment: Deployment) -> int:
    """Delete what was caught of a deployment (admin); return how many requests."""
    actor.require(Role.ADMIN)
    count, _ = CapturedRequest.objects.filter(deployment=deployment).delete()
    audit(actor, "capture.delete", deployment, {"requests": [count, 0]})
    return count


def captured_read(actor: Actor, deployment: Deployment) -> None:
    """Write down that somebody reads other people's prompts (admin)."""
    actor.require(Role.ADMIN)
    audit(actor, "capture.read", deployment)


@transaction.atomic
def caught_record_many(caught: Sequence[Caught]) -> int:
    """Read, redact and store requests; return how many.

    Those of a deployment whose capture ended meanwhile are dropped: nothing is kept that the
    banner did not announce.
    """
    wanted = {one.deployment_id for one in caught}
    found = {c.deployment_id: c for c in Capture.objects.filter(deployment_id__in=wanted)}
    kept = [(one, found[one.deployment_id]) for one in caught if one.deployment_id in found]
    rows = [_row(one, capture) for one, capture in kept if one.at < capture.until]
    CapturedRequest.objects.bulk_create(rows)
    for deployment_id in {row.deployment_id for row in rows}:
        _forget_oldest(deployment_id)
    return len(rows)


def _row(caught: Caught, capture: Capture) -> CapturedRequest:
    question, taken = redact(question_text(caught.question))
    answer, also_taken = redact(answer_text(caught.answer))
    return CapturedRequest(
        deployment_id=caught.deployment_id,
        at=caught.at,
        delete_at=caught.at + timedelta(days=capture.keep_days),
        caller=caught.caller[:100],
        path=caught.path[:60],
        status=caught.status[:STATUS_WIDTH],
        question=question.replace("\0", ""),
        answer=answer.replace("\0", ""),
        redacted=taken + also_taken,
    )


def _forget_oldest(deployment_id: int) -> None:
    rows = CapturedRequest.objects.filter(deployment_id=deployment_id)
    oldest = rows.order_by("-id").values_list("id", flat=True)[KEPT_REQUESTS : KEPT_REQUESTS + 1]
    for row_id in list(oldest):
        rows.filter(id__lte=row_id).delete()
