"""How many copies each deployment has and should have: what a monitoring system asks for."""

from dataclasses import dataclass

from django.db.models import Count, Q

from models_app.domain.actors import Actor
from models_app.domain.states import ReplicaState, Role
from models_app.models import Deployment


@dataclass(frozen=True, slots=True)
class Copies:
    """One deployment, its state and its copies."""

    name: str
    state: str
    wished: int
    ready: int


def deployment_copies(actor: Actor) -> list[Copies]:
    """Return every deployment, in one query."""
    actor.require(Role.VIEWER)
    ready = Count("replicas", filter=Q(replicas__state=ReplicaState.READY))
    rows = Deployment.objects.annotate(ready=ready).order_by("name")
    return [Copies(*row) for row in rows.values_list("name", "state", "replicas_wished", "ready")]
