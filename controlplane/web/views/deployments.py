"""Deployments: the list and the tabs of one. What changes them is in deployment_actions.py."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext

from controlplane.fragments import deployments as parts
from controlplane.fragments.gateway import gateway_rows
from controlplane.fragments.revisions import parameter_titles, revisions_context, settings_rows
from controlplane.web.connect import connect_context
from controlplane.web.pages import actor_of, counts_of, show, state_chips
from models_app.domain.actors import Actor
from models_app.domain.states import DeploymentState
from models_app.models import Deployment
from models_app.selectors.deployments import (
    deployment_get,
    engines_visible,
    replica_get,
    replicas_visible,
)

_CHIPS = (
    DeploymentState.READY,
    DeploymentState.DEPLOYING,
    DeploymentState.DEGRADED,
    DeploymentState.FAILED,
    DeploymentState.UNKNOWN,
    DeploymentState.STOPPED,
)


def index(request: HttpRequest) -> HttpResponse:
    """List the deployments."""
    counts = counts_of(request)
    return show(
        request,
        "deployments/list.html",
        **parts.table_context(actor_of(request), request.GET),
        chips=state_chips(counts, "deployment", _CHIPS),
        total=counts.total("deployment"),
        has_artifacts=bool(counts.of("artifact", "ready")),
    )


def overview(request: HttpRequest, name: str) -> HttpResponse:
    """The story of one deployment, and its charts."""
    return _tab(request, name, "overview", parts.story_context)


def replicas(request: HttpRequest, name: str) -> HttpResponse:
    """Its replicas."""
    return _tab(request, name, "replicas", _replicas)


def _replicas(actor: Actor, deployment: Deployment) -> dict[str, Any]:
    retired = replicas_visible(actor, deployment=deployment, state="retired").order_by("-id")
    return parts.replicas_context(actor, deployment) | {"retired": list(retired[:20])}


def metrics(request: HttpRequest, name: str) -> HttpResponse:
    """Its charts."""
    return _tab(request, name, "metrics", lambda _actor, _row: {})


def revisions(request: HttpRequest, name: str) -> HttpResponse:
    """What was wished for, and what each step changed."""
    return _tab(request, name, "revisions", revisions_context)


def connect(request: HttpRequest, name: str) -> HttpResponse:
    """How a program talks to it."""
    return _tab(request, name, "connect", lambda _a, row: connect_context(request, row))


def settings(request: HttpRequest, name: str) -> HttpResponse:
    """What it is set to, and what cannot be undone."""
    return _tab(request, name, "settings", _settings)


def _settings(actor: Actor, deployment: Deployment) -> dict[str, Any]:
    titles = parameter_titles(engines_visible(actor, for_tests=True))
    return {
        "rows": settings_rows(deployment.revision, titles),
        "gateway_rows": gateway_rows(deployment),
    }


def logs(request: HttpRequest, name: str) -> HttpResponse:
    """What the engine of one replica writes."""
    actor = actor_of(request)
    deployment = deployment_get(actor, name)
    head = parts.head_context(actor, deployment)
    asked = request.GET.get("replica", "")
    chosen = replica_get(actor, asked) if asked else next(iter(head["replicas"]), None)
    return show(
        request,
        "deployments/logs.html",
        **head,
        tabs=tabs_of(deployment, "logs", head),
        chosen=chosen,
        previous=request.GET.get("run") == "previous",
    )


def _tab(
    request: HttpRequest,
    name: str,
    tab: str,
    read: Callable[[Actor, Deployment], dict[str, Any]],
) -> HttpResponse:
    actor = actor_of(request)
    deployment = deployment_get(actor, name)
    head = parts.head_context(actor, deployment)
    inside = read(actor, deployment)
    return show(
        request,
        f"deployments/{tab}.html",
        **(head | inside),
        tabs=tabs_of(deployment, tab, head),
    )


def tabs_of(deployment: Deployment, current: str, head: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tabs of a deployment's pages."""
    tabs = (
        ("overview", gettext("Overview"), "web:deployment", None),
        ("replicas", gettext("Replicas"), "web:deployment-replicas", len(head["replicas"])),
        ("logs", gettext("Logs"), "web:deployment-logs", None),
        ("metrics", gettext("Metrics"), "web:deployment-metrics", None),
        ("revisions", gettext("Revisions"), "web:deployment-revisions", None),
        ("connect", gettext("Connect"), "web:deployment-connect", None),
        ("settings", gettext("Settings"), "web:deployment-settings", None),
    )
    return [
        {
            "label": label,
            "url": reverse(route, args=[deployment.name]),
            "current": key == current,
            "count": count,
        }
        for key, label, route, count in tabs
    ]
