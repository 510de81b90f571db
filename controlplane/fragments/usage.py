"""What was used, as tiles and a table: one range, narrowed by key, deployment or host."""

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext

from controlplane.fragments.registry import Asked, fragment
from controlplane.wording.formats import number_text, percent_text
from controlplane.wording.gateway import route_word
from models_app.domain.actors import Actor
from models_app.domain.states import Role
from models_app.models import Usage
from models_app.selectors.deployments import deployment_get
from models_app.selectors.gateway_keys import key_get
from models_app.selectors.hosts import host_get
from models_app.selectors.time_buckets import recent
from models_app.selectors.usage import (
    DEFAULT_SPAN,
    GROUPS,
    Group,
    UsageQuery,
    usage_by,
    usage_span,
    usage_visible,
)
from models_app.selectors.usage_figures import Figures

LATEST_SHOWN = 20
GROUPS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class GroupLine:
    """One key, deployment or host with its share of all tokens."""

    group: Group
    label: str
    url: str
    percent: float

    @property
    def first_p50(self) -> float | None:
        """The median of the time to the first token."""
        return self.group.figures.first_token_ms(50)

    @property
    def first_p95(self) -> float | None:
        """Within which all but one in twenty have their first token."""
        return self.group.figures.first_token_ms(95)


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One request as it is shown."""

    row: Usage
    route: str

    @property
    def is_error(self) -> bool:
        """Whether it failed; what was cancelled did not."""
        return self.row.status not in ("ok", "cancelled")


@fragment("gateway.usage", template="gateway/_usage.html", every_s=15)
def usage_part(actor: Actor, asked: Asked) -> dict[str, Any]:
    """Figures and groups of the range that the address names."""
    return usage_context(actor, asked.filters)


def usage_query(actor: Actor, filters: QueryDict) -> UsageQuery:
    """Return which usage the address asks for. Raises NotFoundError, InvalidError."""
    key, deployment, host = (filters.get(name, "") for name in GROUPS)
    return UsageQuery(
        usage_span(filters.get("range") or DEFAULT_SPAN),
        key=key_get(actor, key) if key else None,
        deployment=deployment_get(actor, deployment) if deployment else None,
        host=host_get(actor, host) if host else None,
    )


def usage_context(actor: Actor, filters: QueryDict) -> dict[str, Any]:
    """Return everything of the page but its charts."""
    query = usage_query(actor, filters)
    by = filters.get("by", "")
    by = by if by in GROUPS else "deployment"
    groups = usage_by(actor, query, by)
    totals = Figures()
    for group in groups:
        totals.merge(group.figures)
    latest = usage_visible(
        actor,
        key=query.key,
        deployment=query.deployment,
        host=query.host,
        since=recent(query.span.seconds),
    ).order_by("-at")
    return {
        "query": query,
        "filters": filters,
        "address": filters.urlencode(),
        "totals": totals,
        **_figures(totals),
        "by_words": _by_words(by),
        "lines": [_line(group, by, totals) for group in groups[:GROUPS_SHOWN]],
        "latest": [RequestLine(row, route_word(row.route)) for row in latest[:LATEST_SHOWN]],
        "sees_all": actor.role.allows(Role.ADMIN),
    }


def _figures(totals: Figures) -> dict[str, str]:
    """Return the tiles' figures and what stands below them."""
    cancelled = gettext("{n} cancelled").format(n=number_text(totals.cancelled))
    share = percent_text(100 * totals.errors / totals.requests, 1) if totals.requests else ""
    return {
        "requests_words": cancelled if totals.cancelled else "",
        "tokens_words": tokens_words(totals) if totals.tokens else "",
        "errors_words": gettext("{share} of all").format(share=share) if totals.errors else "",
        "first_token_value": number_text(totals.first_token_ms(50)),
        "first_token_words": _slow_words(totals.first_token_ms(95)),
        "duration_value": number_text(totals.duration_ms(50)),
        "duration_words": _slow_words(totals.duration_ms(95)),
    }


def _slow_words(milliseconds: float | None) -> str:
    if milliseconds is None:
        return ""
    return gettext("95 % within {ms} ms").format(ms=number_text(milliseconds))


def _by_words(by: str) -> str:
    return {
        "key": gettext("By key"),
        "host": gettext("By host"),
    }.get(by, gettext("By deployment"))


def tokens_words(totals: Figures) -> str:
    """Return how tokens divide: 1.2 k read, 300 written."""
    return gettext("{read} read, {written} written").format(
        read=number_text(totals.prompt_tokens), written=number_text(totals.completion_tokens)
    )


def _line(group: Group, by: str, totals: Figures) -> GroupLine:
    percent = 100 * group.figures.tokens / totals.tokens if totals.tokens else 0.0
    return GroupLine(group, group.name or _nameless(by), _page(group, by), round(percent, 1))


def _nameless(by: str) -> str:
    return {
        "key": gettext("Playground, and keys of others"),
        "host": gettext("No host answered"),
    }.get(by, gettext("Gone"))


def _page(group: Group, by: str) -> str:
    routes = {"key": "web:gateway-key", "deployment": "web:deployment", "host": "web:host"}
    return reverse(routes[by], args=[group.ref]) if group.ref else ""
