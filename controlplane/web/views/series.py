"""Series for the charts, in the shape that static/slipway/chart.js reads."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext

from controlplane.web.pages import actor_of
from models_app.domain.errors import NotFoundError
from models_app.selectors.deployments import deployment_get, replicas_visible
from models_app.selectors.hosts import host_get
from models_app.selectors.metrics import (
    Series,
    deployment_series,
    host_series,
    request_series,
)


def host(request: HttpRequest, name: str, measure: str) -> JsonResponse:
    """CPU, memory or disk of a host."""
    actor = actor_of(request)
    row = host_get(actor, name)
    columns = {
        "cpu": (gettext("Processor"), "cpu_percent"),
        "memory": (gettext("In use"), "memory_used_bytes"),
        "disk": (gettext("In use"), "disk_used_bytes"),
    }
    label, column = chosen_lines(columns, measure)
    series = host_series(actor, row, _range(request))
    return chart_answer(series, {label: column})


def deployment(request: HttpRequest, name: str, measure: str) -> JsonResponse:
    """Tokens, time to first token, memory, requests, slots or network of a deployment."""
    actor = actor_of(request)
    row = deployment_get(actor, name)
    from_samples = {
        "tokens": {
            gettext("Answering"): "tokens_per_s",
            gettext("Reading prompts"): "prompt_tokens_per_s",
        },
        "memory": {gettext("Measured"): "memory_bytes"},
        "busy": {gettext("At work"): "requests_processing"},
        "network": {
            gettext("Received"): "network_received_per_s",
            gettext("Sent"): "network_sent_per_s",
        },
    }
    from_requests = {
        "latency": {"p50": "first_token_p50_ms", "p95": "first_token_p95_ms"},
        "requests": {gettext("Requests"): "requests_per_min", gettext("Errors"): "errors_per_min"},
    }
    if measure in from_requests:
        return chart_answer(request_series(actor, row, _range(request)), from_requests[measure])
    lines = chosen_lines(from_samples, measure)
    answer = deployment_series(actor, row, _range(request))
    if measure != "memory":
        return chart_answer(answer, lines)
    predicted = [r.predicted_bytes for r in replicas_visible(actor, deployment=row)]
    known = [size for size in predicted if size is not None]
    flat: list[float | None] = [float(sum(known)) if known else None] * len(answer.times)
    return chart_answer(answer, lines, extra={gettext("Predicted"): flat})


def _range(request: HttpRequest) -> str:
    return request.GET.get("range") or "15m"


def chosen_lines(known: Mapping[str, Any], measure: str) -> Any:
    """Return the lines of a measure. Raises NotFoundError."""
    if measure not in known:
        raise NotFoundError(params={"kind": "measure", "ref": measure[:40]})
    return known[measure]


def chart_answer(
    series: Series,
    lines: Mapping[str, str],
    extra: Mapping[str, list[float | None]] | None = None,
) -> JsonResponse:
    """Return a chart's lines: their labels, and the measures of the series that they show."""
    values = {label: series.values[column] for label, column in lines.items()} | dict(extra or {})
    return JsonResponse(
        {
            "start": series.times[0],
            "end": series.times[-1],
            "times": series.times,
            "series": [{"name": name, "values": _rounded(line)} for name, line in values.items()],
        }
    )


def _rounded(values: list[float | None]) -> list[float | None]:
    return [None if value is None else round(value, 3) for value in values]
