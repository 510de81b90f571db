"""The parts of the deployment pages that stay true while one looks at them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext

from controlplane.fragments.failures import deployment_actions, failure_of_row, reason_of_row
from controlplane.fragments.listing import PAGE_LIVE_ROWS, listing, sorted_by
from controlplane.fragments.progress import image_progress
from controlplane.fragments.registry import Asked, fragment
from controlplane.fragments.stories import story
from controlplane.wording.formats import (
    UNKNOWN,
    duration_text,
    number_text,
    size_parts,
    size_text,
)
from controlplane.wording.placing import PlacingText, placing_text
from models_app.domain.actors import Actor
from models_app.domain.states import DeploymentState, ReplicaState, Role, Wish
from models_app.models import Deployment, Replica
from models_app.notify.lines import business_of
from models_app.selectors.captures import running_on
from models_app.selectors.deployments import (
    ReplicaBrief,
    deployment_get,
    deployments_visible,
    for_lists,
    ready_slots,
    replicas_in_brief,
    replicas_visible,
)
from models_app.selectors.events import events_visible
from models_app.selectors.metrics import (
    Latency,
    ReplicaNow,
    latency_of,
    replicas_now,
    replicas_series,
    tokens_now,
)

STORY_EVENTS = 60
HOSTS_NAMED = 3
_SORTS = {
    "name": "name",
    "state": "state",
    "model": "revision__artifact__model__name",
    "replicas": "replicas_ready",
}


@dataclass(frozen=True, slots=True)
class DeploymentLine:
    """One row of the list."""

    deployment: Deployment
    reason: str
    hosts: list[str]
    tokens_per_s: float | None
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class ReplicaLine:
    """One replica as the tables show it."""

    replica: Replica
    reason: str
    now: ReplicaNow | None
    placing: PlacingText | None  # why on this host and on no other

    @property
    def tokens_per_s(self) -> float | None:
        """How fast it answers now."""
        return self.now.tokens_per_s if self.now else None

    @property
    def image(self) -> dict[str, Any] | None:
        """The image that it waits for, as a progress row."""
        return image_progress(self.replica)

    @property
    def memory_percent(self) -> float | None:
        """What was measured, of what was predicted."""
        measured, predicted = self.replica.memory_bytes, self.replica.predicted_bytes
        return 100 * measured / predicted if measured and predicted else None


@fragment("deployments.table", template="deployments/_table.html", lists=("deployment",), every_s=5)
def deployments_table(actor: Actor, asked: Asked) -> dict[str, Any]:
    """The list of deployments, as the address filters it."""
    return table_context(actor, asked.filters)


def table_context(actor: Actor, filters: QueryDict) -> dict[str, Any]:
    """Return the page of deployments that `filters` ask for."""
    rows = deployments_visible(
        actor, state=filters.get("state") or None, search=filters.get("search") or None
    )
    rows = sorted_by(for_lists(rows), filters, _SORTS)
    shown_as = partial(deployment_lines, actor)
    page = listing(rows, filters, shown_as=shown_as, page_rows=PAGE_LIVE_ROWS)
    return {"listing": page, "filters": filters}


def deployment_lines(actor: Actor, deployments: list[Deployment]) -> list[DeploymentLine]:
    """Return the lines of one page: two queries for all of its replicas."""
    replicas: dict[int, list[ReplicaBrief]] = defaultdict(list)
    for brief in replicas_in_brief(actor, [row.pk for row in deployments]):
        replicas[brief.deployment_id].append(brief)
    serving = [r.id for rows in replicas.values() for r in rows if r.state == ReplicaState.READY]
    rates = tokens_now(actor, serving) if serving else {}
    return [_line(row, replicas[row.pk], rates) for row in deployments]


def _line(row: Deployment, replicas: list[ReplicaBrief], rates: dict[int, float]) -> DeploymentLine:
    measured = [r.memory_bytes for r in replicas if r.memory_bytes is not None]
    known = [rates[r.id] for r in replicas if r.id in rates]
    return DeploymentLine(
        deployment=row,
        reason=reason_of_row(row),
        hosts=sorted({r.host for r in replicas}),
        tokens_per_s=sum(known) if known else None,
        memory_bytes=sum(measured) if measured else None,
    )


@fragment("deployment.head", template="deployments/_head.html", of="deployment", every_s=5)
def deployment_head(actor: Actor, asked: Asked) -> dict[str, Any]:
    """Name, state, verbs and figures of one deployment."""
    return head_context(actor, deployment_get(actor, asked.id))


def head_context(actor: Actor, deployment: Deployment) -> dict[str, Any]:
    """Return what the head of every tab shows."""
    replicas = list(replicas_visible(actor, deployment=deployment))
    series = replicas_series(actor, [r.pk for r in replicas])
    predicted = [r.predicted_bytes for r in replicas if r.predicted_bytes is not None]
    tokens = series.values["tokens_per_s"]
    ready = sum(r.state == ReplicaState.READY for r in replicas)
    return {
        "deployment": deployment,
        "replicas": replicas,
        "reason": reason_of_row(deployment),
        "capture": running_on(deployment),
        "replicas_text": f"{ready}/{deployment.replicas_wished}",
        "hosts_words": ", ".join(sorted({r.host.name for r in replicas})[:HOSTS_NAMED]),
        "tokens_now": _newest(tokens),
        "tokens_trend": tokens if any(v is not None for v in tokens) else [],
        "memory": _memory_figure(replicas),
        "latency": _latency_figure(latency_of(actor, deployment)),
        "predicted_each": max(predicted, default=None),
        "verbs": verbs_of(actor, deployment),
    }


@fragment("deployment.line", template="deployments/_line.html", of="deployment", every_s=2)
def deployment_line(actor: Actor, asked: Asked) -> dict[str, Any]:
    """Who is answered now, who waits for a slot, and how long."""
    return line_context(deployment_get(actor, asked.id))


def line_context(deployment: Deployment) -> dict[str, Any]:
    """Return how busy it is, of so many slots; nothing while that is not known."""
    business = business_of(str(deployment.public_id))
    slots = ready_slots(deployment) if business and business.is_any else 0
    return {"deployment": deployment, "business": business, "slots": slots}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit and what to say below it."""

    value: str
    unit: str = ""
    words: str = ""


def _memory_figure(replicas: list[Replica]) -> Figure:
    measured = [r.memory_bytes for r in replicas if r.memory_bytes is not None]
    predicted = [r.predicted_bytes for r in replicas if r.predicted_bytes is not None]
    value, unit = size_parts(sum(measured) if measured else None)
    said = gettext("predicted {size}").format(size=size_text(sum(predicted))) if predicted else ""
    return Figure(value, unit, said)


def _latency_figure(latency: Latency) -> Figure:
    if latency.p50 is None or latency.p95 is None:
        return Figure(UNKNOWN, "", gettext("no answers in the last day"))
    said = gettext("95 % within {time}, of {n} answers").format(
        time=duration_text(latency.p95 / 1000), n=number_text(latency.answers)
    )
    value, _space, unit = duration_text(latency.p50 / 1000).partition(" ")
    return Figure(value, unit, said)


def _newest(values: list[float | None]) -> float | None:
    """The last steps: the running one may have no sample yet."""
    return next((v for v in reversed(values[-3:]) if v is not None), None)


def verbs_of(actor: Actor, deployment: Deployment) -> set[str]:
    """Return what this person may do with it now: edit, start, stop, scale, retry, delete, chat."""
    verbs = {"chat"} if deployment.state in _SERVING else set()
    if not actor.role.allows(Role.OPERATOR) or deployment.wish == Wish.DELETED:
        return verbs
    verbs |= {"edit", "scale", "delete"}
    verbs.add("stop" if deployment.wish == Wish.RUNNING else "start")
    if deployment.state in (DeploymentState.FAILED, DeploymentState.DEGRADED):
        verbs.add("retry")
    return verbs


_SERVING = (DeploymentState.READY, DeploymentState.DEGRADED)


@fragment("deployment.story", template="deployments/_story.html", of="deployment")
def deployment_story(actor: Actor, asked: Asked) -> dict[str, Any]:
    """What happened to one deployment, by attempt."""
    return story_context(actor, deployment_get(actor, asked.id))


def story_context(actor: Actor, deployment: Deployment) -> dict[str, Any]:
    """Return the newest events of a deployment as chapters, and the failure that stands now."""
    events = events_visible(actor, deployment=deployment.public_id)[: STORY_EVENTS + 1]
    found = list(events)
    actions = partial(deployment_actions, deployment) if actor.role.allows(Role.OPERATOR) else None
    standing = failure_of_row(deployment, deployment.state_since)
    if standing and actions:
        standing["actions"] = actions(standing["code"])
    return {
        "deployment": deployment,
        "standing": standing,
        "chapters": story(found[:STORY_EVENTS]),
        "is_cut": len(found) > STORY_EVENTS,
    }


@fragment("deployment.replicas", template="deployments/_replicas.html", of="deployment", every_s=5)
def deployment_replicas(actor: Actor, asked: Asked) -> dict[str, Any]:
    """The replicas of one deployment, running and wished for."""
    return replicas_context(actor, deployment_get(actor, asked.id))


def replicas_context(
    actor: Actor, deployment: Deployment, replicas: list[Replica] | None = None
) -> dict[str, Any]:
    """Return the live replicas with what each does now."""
    if replicas is None:
        replicas = list(replicas_visible(actor, deployment=deployment))
    return {"deployment": deployment, "lines": replica_lines(actor, replicas)}


def replica_lines(actor: Actor, replicas: Iterable[Replica]) -> list[ReplicaLine]:
    """Return replicas with what they do now and reason, one query for all."""
    rows = list(replicas)
    now = replicas_now(actor, [row.pk for row in rows]) if rows else {}
    return [
        ReplicaLine(row, reason_of_row(row), now.get(row.pk), placing_text(row.reason))
        for row in rows
    ]
