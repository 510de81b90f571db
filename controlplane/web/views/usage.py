"""Usage: charts, figures by key, deployment or host, and the same as a table for spreadsheets."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.utils.translation import gettext

from controlplane.fragments.usage import usage_context, usage_query
from controlplane.web.gateway_tabs import tabs_of
from controlplane.web.pages import actor_of, show
from controlplane.web.views.series import chart_answer, chosen_lines
from controlplane.wording.usage_table import usage_csv
from models_app.selectors.time_buckets import recent
from models_app.selectors.usage import usage_series, usage_visible

EXPORT_LIMIT = 200_000  # lines; narrower ranges give the rest


def page(request: HttpRequest) -> HttpResponse:
    """What was used in a range."""
    context = usage_context(actor_of(request), request.GET)
    spans = (  # "" is the default: a chip without it in the address
        ("1h", gettext("1 h")),
        ("", gettext("24 h")),
        ("7d", gettext("7 d")),
        ("30d", gettext("30 d")),
        ("90d", gettext("90 d")),
        ("1y", gettext("1 year")),
    )
    groups = (
        ("", gettext("By deployment")),
        ("key", gettext("By key")),
        ("host", gettext("By host")),
    )
    choices: dict[str, Any] = {"tabs": tabs_of("usage"), "spans": spans, "groups": groups}
    return show(request, "gateway/usage.html", **choices, **context)


def series(request: HttpRequest, measure: str) -> JsonResponse:
    """One chart of the page."""
    actor = actor_of(request)
    lines = chosen_lines(
        {
            "tokens": {
                gettext("Read"): "prompt_tokens",
                gettext("Written"): "completion_tokens",
                gettext("Read from cache"): "cached_tokens",
            },
            "requests": {
                gettext("Requests"): "requests",
                gettext("Errors"): "errors",
                gettext("Cancelled"): "cancelled",
            },
            "first-token": {"p50": "first_token_p50_ms", "p95": "first_token_p95_ms"},
            "duration": {"p50": "duration_p50_ms", "p95": "duration_p95_ms"},
        },
        measure,
    )
    return chart_answer(usage_series(actor, usage_query(actor, request.GET)), lines)


def export(request: HttpRequest) -> StreamingHttpResponse:
    """The range's requests as CSV, newest first."""
    actor = actor_of(request)
    query = usage_query(actor, request.GET)
    rows = usage_visible(
        actor,
        key=query.key,
        deployment=query.deployment,
        host=query.host,
        since=recent(query.span.seconds),
    )
    lines = usage_csv(rows[:EXPORT_LIMIT].iterator(2000))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    name = f"slipway-usage-{query.span.key}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
