"""What the side bar, the user menu and the keys lead to. A page appears once its route exists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from controlplane.fragments.registry import Asked, fragment
from controlplane.wording.formats import number_text
from models_app.domain.actors import Actor
from models_app.domain.states import HostState, Role
from models_app.selectors.overview import (
    TROUBLED_DEPLOYMENTS,
    TROUBLED_HOSTS,
    FleetCounts,
    fleet_counts,
)


@dataclass(frozen=True, slots=True)
class Place:
    """One place of the product: its route, and the key that goes there after `g`."""

    route: str
    label: str | Promise
    icon: str
    key: str = ""
    role: Role = Role.VIEWER


@dataclass(frozen=True, slots=True)
class Count:
    """The figure beside an entry; `alert` turns it red."""

    text: str
    alert: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A place as the side bar shows it."""

    url: str
    label: str | Promise
    icon: str
    current: bool
    count: str
    alert: bool


PLACES: Sequence[Sequence[Place]] = (
    (
        Place("web:overview", _("Overview"), "overview", "v"),
        Place("web:deployments", _("Deployments"), "deployments", "d"),
        Place("web:models", _("Models"), "models", "m"),
        Place("web:hosts", _("Hosts"), "hosts", "h"),
        Place("web:playground", _("Playground"), "playground", "p"),
        Place("web:operations", _("Operations"), "operations", "o"),
    ),
    (
        Place("web:gateway", _("Gateway"), "gateway"),
        Place("web:audit", _("Audit"), "audit", "a", Role.ADMIN),
        Place("web:users", _("Users"), "users", "", Role.ADMIN),
        Place("web:settings", _("Settings"), "settings", "", Role.ADMIN),
    ),
)
PERSONAL: Sequence[Place] = (
    Place("web:profile", _("Profile"), "users"),
    Place("web:tokens", _("API tokens"), "gateway"),
)


def url_of(route: str) -> str:
    """Return the address of a route, or nothing when it does not exist."""
    try:
        return reverse(route)
    except NoReverseMatch:
        return ""


def _is_current(url: str, path: str) -> bool:
    return path == url if url == "/" else path.startswith(url)


def entries(
    places: Sequence[Place],
    *,
    path: str,
    counts: Mapping[str, Count] | None = None,
    role: Role = Role.VIEWER,
) -> list[Entry]:
    """Return the entries of `places` that exist for `role`, the one that holds `path` marked."""
    found = []
    for place in places:
        url = url_of(place.route)
        if not url or not role.allows(place.role):
            continue
        count = (counts or {}).get(place.route, Count(""))
        current = _is_current(url, path)
        found.append(Entry(url, place.label, place.icon, current, count.text, count.alert))
    return found


@fragment(
    "frame.sidebar",
    template="layouts/_sidebar_entries.html",
    lists=("deployment", "host", "model", "operation"),
)
def sidebar(actor: Actor, asked: Asked) -> dict[str, Any]:
    """The entries of the side bar with their counts, on every page."""
    path = asked.filters.get("path", "")
    groups = sidebar_groups(path, fleet_counts(actor), actor.role)
    return {"frame": {"groups": groups, "path": path}}


def sidebar_groups(path: str, counts: FleetCounts | None, role: Role) -> list[list[Entry]]:
    """Return the entries of the side bar by group; without counts nobody is signed in."""
    shown = frame_counts(counts) if counts else {}
    groups = [entries(places, path=path, counts=shown, role=role) for places in PLACES]
    return [group for group in groups if group]


def frame_counts(counts: FleetCounts) -> Mapping[str, Count]:
    """Return the count beside each route: `{"web:hosts": Count("2/2", alert=False)}`."""
    hosts, answering = counts.total("host"), counts.of("host", HostState.READY)
    return {
        "web:deployments": Count(
            _figure(counts.total("deployment")),
            alert=counts.of("deployment", *TROUBLED_DEPLOYMENTS) > 0,
        ),
        "web:models": Count(_figure(counts.total("model"))),
        "web:hosts": Count(
            f"{number_text(answering)}/{number_text(hosts)}" if hosts else "",
            alert=counts.of("host", *TROUBLED_HOSTS) > 0,
        ),
        "web:operations": Count(_figure(counts.total("operation"))),
    }


def _figure(number: int) -> str:
    return number_text(number) if number else ""
