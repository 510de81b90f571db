"""The deployments that the playground offers, with what stands between each and an answer."""

from dataclasses import dataclass
from typing import Any

from controlplane.fragments.failures import reason_of_row
from controlplane.fragments.registry import Asked, fragment
from controlplane.wording.states import state_word
from models_app.domain.actors import Actor
from models_app.domain.states import DeploymentState, Wish
from models_app.models import Deployment
from models_app.selectors.deployments import deployments_visible

TARGETS = 300


@dataclass(frozen=True, slots=True)
class Target:
    """One deployment to talk to."""

    deployment: Deployment
    model: str
    is_ready: bool  # at least one replica can answer
    word: str
    reason: str


@fragment("playground.targets", template="playground/_targets.html", lists=("deployment",))
def targets(actor: Actor, _asked: Asked) -> dict[str, Any]:
    """Every deployment that stays: the whole ones, those that can answer, then the rest."""
    rows = deployments_visible(actor).exclude(wish=Wish.DELETED)[:TARGETS]
    found = [_target(row) for row in rows]
    return {"targets": sorted(found, key=_rank)}


def _rank(target: Target) -> tuple[bool, bool]:
    return not target.is_ready, target.deployment.state != DeploymentState.READY


def _target(row: Deployment) -> Target:
    model = row.revision.artifact.model.title if row.revision else ""
    is_ready = bool(getattr(row, "replicas_ready", 0))
    return Target(row, model, is_ready, str(state_word(row.state).word), reason_of_row(row))
