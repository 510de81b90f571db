"""The number with its trend, drawn on the server as SVG."""

from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

SPARK_WIDTH, SPARK_HEIGHT, SPARK_ROOM = 112.0, 32.0, 2.0


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
