"""Reads of captures: everybody may know that one runs, only an admin what it caught."""

from django.db.models import QuerySet
from django.utils import timezone

from models_app.domain.actors import Actor
from models_app.domain.states import Role, Wish
from models_app.models import Capture, CapturedRequest, Deployment


def running_on(deployment: Deployment) -> Capture | None:
    """Return the capture that runs on a deployment; no query when that was read by itself."""
    capture: Capture | None = getattr(deployment, "capture", None)
    return capture if capture is not None and capture.until > timezone.now() else None


def running_captures(actor: Actor) -> QuerySet[Capture]:
    """Return the captures that run now, of deployments that are not on their way out."""
    actor.require(Role.VIEWER)
    rows = Capture.objects.filter(until__gt=timezone.now())
    rows = rows.exclude(deployment__wish=Wish.DELETED)
    return rows.select_related("deployment", "started_by").order_by("deployment__name")


def captured_visible(actor: Actor, deployment: Deployment) -> QuerySet[CapturedRequest]:
    """Return what was caught of a deployment, newest first (admin); what expired is not there."""
    actor.require(Role.ADMIN)
    rows = CapturedRequest.objects.filter(deployment=deployment, delete_at__gt=timezone.now())
    return rows.order_by("-id")
