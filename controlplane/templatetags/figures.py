"""Drawn figures: the memory bar, the number with its trend. Drawn on the server as SVG.

The content security policy forbids style attributes, so lengths are SVG attributes in percent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from controlplane.wording.formats import size_text

register = template.Library()

SPARK_WIDTH, SPARK_HEIGHT, SPARK_ROOM = 112.0, 32.0, 2.0


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of the memory bar, in percent of its width."""

    kind: str  # others, ours, promised, extra
    start: float
    width: float
    size_bytes: int
    label: str


def memory_segments(*, parts: Sequence[tuple[str, str, int]], full_bytes: int) -> list[Segment]:
    """Return the stretches side by side; what passes the end is cut there."""
    segments: list[Segment] = []
    start = 0.0
    for kind, label, size in parts:
        if size <= 0:
            continue
        width = max(0.0, min(100.0 * size / full_bytes, 100.0 - start)) if full_bytes else 0.0
        segments.append(Segment(kind, round(start, 2), round(width, 2), size, label))
        start += width
    return segments


def spark_lines(points: Sequence[float | None]) -> list[list[tuple[float, float]]]:
    """Return the trend as lines in the sparkline's box; a None breaks the line."""
    known = [point for point in points if point is not None]
    if not known:
        return []
    low, high = min(*known, 0.0), max(known)
    reach = (high - low) or 1.0
    step = SPARK_WIDTH / max(1, len(points) - 1)
    room = SPARK_HEIGHT - 2 * SPARK_ROOM
    lines: list[list[tuple[float, float]]] = [[]]
    for index, point in enumerate(points):
        if point is None:
            lines.append([])
            continue
        y = SPARK_HEIGHT - SPARK_ROOM - room * (point - low) / reach
        lines[-1].append((round(index * step, 1), round(y, 1)))
    return [line for line in lines if line]


@register.simple_tag
def sparkline(points: Sequence[float | None]) -> SafeString:
    """`{% sparkline points %}`: the trend of 15 minutes as a line; the number says the rest."""
    lines, fills = "", ""
    for line in spark_lines(points or []):
        path = " L".join(f"{x} {y}" for x, y in line)
        lines += f"M{path}" + ("h.1" if len(line) == 1 else "")
        fills += f"M{line[0][0]} {SPARK_HEIGHT:g} L{path} L{line[-1][0]} {SPARK_HEIGHT:g}Z"
    if not lines:
        return SafeString("")
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="spark-fill" d="{}"/><path class="spark-line" d="{}"/></svg>',
        f"{SPARK_WIDTH:g}",
        f"{SPARK_HEIGHT:g}",
        fills,
        lines,
    )


@register.inclusion_tag("components/figure.html")
def figure(label: str, value: str, **more: Any) -> dict[str, Any]:
    """`{% figure _("Tokens") value unit="tok/s" points=series change=words %}`."""
    return {"label": label, "value": value, **more}


@register.inclusion_tag("components/memory_bar.html")
def memory_bar(  # noqa: PLR0913 (the bar's own figures, all keyword)
    *,
    total: int,
    others: int = 0,
    ours: int = 0,
    promised: int = 0,
    budget: int | None = None,
    extra: int | None = None,
    scale: int | None = None,
    label: str = "",
    legend: bool = True,
) -> dict[str, Any]:
    """`{% memory_bar total=… others=… ours=… promised=… budget=… extra=… scale=… label=… %}`.

    Bytes. `ours` is measured, `promised` predicted and not yet measured, `extra` the deployment
    being previewed, `budget` how much of the host may be ours, `scale` the full width when bars
    are compared.
    """
    full = scale or total or 1
    parts = [
        ("others", gettext("Others"), others),
        ("ours", gettext("Slipway"), ours),
        ("promised", gettext("Promised"), promised),
        ("extra", gettext("This deployment"), extra or 0),
    ]
    taken = others + ours + promised + (extra or 0)
    limit = total if budget is None else min(total, others + budget)
    segments = memory_segments(parts=parts, full_bytes=full)
    spoken = [f"{segment.label} {size_text(segment.size_bytes)}" for segment in segments]
    return {
        "label": label,
        "legend": legend,
        "segments": segments,
        "over": taken > limit,
        "total_width": round(min(100.0, 100.0 * total / full), 2),
        "budget_at": None if budget is None else round(100.0 * limit / full, 2),
        "budget": budget,
        "total": total,
        "free": max(0, limit - taken),
        "spoken": ", ".join(spoken),
    }
