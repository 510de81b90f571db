"""Every part in every state on one page. Routed in development, in the demo and in tests only."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext

from controlplane.logs import request_id
from controlplane.web import styleguide_samples as samples

_ERRORS = ("400", "403", "404", "500", "csrf", "offline")
_RANGES = {"15m": (900, 15), "1h": (3600, 30), "24h": (86_400, 600), "7d": (604_800, 3600)}


@login_not_required
def page(request: HttpRequest) -> HttpResponse:
    """The style guide."""
    now = timezone.now()
    context: dict[str, Any] = {
        "now": now,
        "gib": samples.GIB,
        "roomy": samples.ROOMY,
        "small": samples.SMALL,
        "states": samples.all_states(),
        "shapes": ["ready", "busy", "warn", "bad", "unknown", "stopped"],
        "since": now - timedelta(minutes=3),
        "trend": samples.trend(),
        "gap_trend": samples.trend(gap=True),
        "groups": samples.timeline(now),
        "progress_rows": samples.progress_rows(now),
        "rows": samples.table_rows(now),
        "form": samples.SampleForm(),
        "wrong_form": samples.invalid_form(),
        "failure": samples.failure(now),
        "tabs": [
            {"label": gettext("Overview"), "url": "#", "current": True},
            {"label": gettext("Replicas"), "url": "#", "count": 2},
            {"label": gettext("Logs"), "url": "#"},
            {"label": gettext("Revisions"), "url": "#", "count": 4},
        ],
        "diff": [
            {"label": gettext("Context"), "before": "2048", "after": "4096"},
            {"label": gettext("Replicas"), "before": "1", "after": "1"},
            {"label": gettext("Threads"), "before": None, "after": "4"},
        ],
        "curl": 'curl http://127.0.0.1:8400/v1/chat/completions \\\n  -H "Authorization: Bearer …" '
        '\\\n  -d \'{"model": "support-chat", "messages": [{"role": "user", "content": "Ciao"}]}\'',
        "errors": _ERRORS,
        "pictures": ["deployments", "models", "hosts", "operations", "chat", "harbour"],
    }
    return render(request, "styleguide/page.html", context)


@login_not_required
def series(request: HttpRequest) -> JsonResponse:
    """Samples for the charts, in the shape that static/slipway/chart.js reads."""
    span, step = _RANGES.get(request.GET.get("range", "15m"), _RANGES["15m"])
    end = int(timezone.now().timestamp() // step * step)
    count = span // step
    times = [end - (count - 1 - i) * step for i in range(count)]
    lines = [
        {"name": "till-1", "values": samples.trend(count, gap=True)},
        {"name": "cupboard-1", "values": samples.trend(count, base=24.0)},
    ]
    return JsonResponse({"start": end - span, "end": end, "times": times, "series": lines})


@login_not_required
def log(request: HttpRequest) -> JsonResponse:
    """Lines for the log view, some of them coloured and some with a level."""
    texts = [
        "\x1b[32mmain: server is listening on http://127.0.0.1:41231\x1b[0m",
        "srv  log_server_r: request: POST /v1/chat/completions 127.0.0.1 200",
        "\x1b[33mWARN slot 0: context shift is disabled\x1b[0m",
        "<script>alert('a log line is text')</script>",
        "ERROR llama_decode: failed to decode, ret = 1",
        "slot launch_slot_: id  0 | task 7 | processing task " + "x" * 160,
    ]
    lines = [{"offset": i, "text": f"{i:04d} {texts[i % len(texts)]}"} for i in range(240)]
    return JsonResponse({"lines": lines, "next": 240})


@login_not_required
def error(request: HttpRequest, name: str) -> HttpResponse:
    """One of the error pages."""
    if name not in _ERRORS:
        raise Http404
    return render(request, f"errors/{name}.html", {"request_id": request_id.get()})
