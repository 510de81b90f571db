"""The memory bar: what others use, what ours use and may use, and the budget, on one scale.

Drawn in Python and not by a template: the list of hosts has thirty, each of a dozen pieces, and a
template took a third of that page's time for them. Lengths are SVG attributes in percent, since the
content security policy forbids style attributes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from controlplane.fragments.memory import HostMemory
from controlplane.wording.formats import size_text

register = template.Library()


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of the memory bar, in percent of its width."""

    kind: str  # others, ours, promised, extra
    start: float
    width: float
    label: str  # what it is, and how much

    def look(self, *, over: bool) -> str:
        """Return its class and its hatching, as safe attributes; `over` is red."""
        hatch = {"promised": "hatch", "extra": "hatch-bad" if over else "hatch"}.get(self.kind)
        filled = f' fill="url(#{hatch})"' if hatch else ""
        return f'class="memory-{self.kind}{" over" if over else ""}"{filled}'


@dataclass(frozen=True, slots=True)
class MemoryBar:
    """What is drawn of one host. Bytes, but for the percents of the full width."""

    segments: Sequence[Segment]
    total: int
    total_width: float
    budget: int | None
    budget_at: float | None
    free: int
    over: bool

    @property
    def room(self) -> str:
        """How much is free of how much."""
        text = gettext("{free} free of {total}")
        return text.format(free=size_text(self.free), total=size_text(self.total))


def memory_segments(*, parts: Sequence[tuple[str, str, int]], full_bytes: int) -> list[Segment]:
    """Return the stretches side by side; what passes the end is cut there."""
    segments: list[Segment] = []
    start = 0.0
    for kind, label, size in parts:
        if size <= 0:
            continue
        width = max(0.0, min(100.0 * size / full_bytes, 100.0 - start)) if full_bytes else 0.0
        said = f"{label} {size_text(size)}"
        segments.append(Segment(kind, round(start, 2), round(width, 2), said))
        start += width
    return segments


def memory_of(
    memory: HostMemory, *, extra: int | None = None, scale: int | None = None
) -> MemoryBar:
    """Return the geometry of a bar; see `memory_bar`."""
    others, total, budget = memory.others, memory.total, memory.budget
    full = scale or total or 1
    parts = [
        ("others", gettext("Others"), others),
        ("ours", gettext("Slipway"), memory.ours),
        ("promised", gettext("Promised"), memory.promised),
        ("extra", gettext("This deployment"), extra or 0),
    ]
    taken = memory.taken + (extra or 0)
    limit = total if budget is None else min(total, others + budget)
    return MemoryBar(
        segments=memory_segments(parts=parts, full_bytes=full),
        total=total,
        total_width=round(min(100.0, 100.0 * total / full), 2),
        budget=budget,
        budget_at=None if budget is None else round(100.0 * limit / full, 2),
        free=max(0, limit - taken),
        over=taken > limit,
    )


@register.simple_tag
def memory_bar(
    memory: HostMemory,
    *,
    extra: int | None = None,
    scale: int | None = None,
    label: str = "",
    legend: bool = True,
) -> SafeString:
    """`{% memory_bar line.memory extra=needed scale=widest label=host.name legend=False %}`.

    `extra` are the bytes of the deployment being previewed, `scale` the full width when bars are
    compared.
    """
    bar = memory_of(memory, extra=extra, scale=scale)
    drawn = _drawing(bar, label) + (_legend(bar) if legend else "")
    return SafeString(f'<div class="memory">{drawn}</div>')


# What follows is put together by hand: `format_html` escapes each piece, and of these only words
# and labels can hold anything to be escaped. Numbers are Python's own, whatever the language.


def _drawing(bar: MemoryBar, label: str) -> str:
    spoken = ", ".join(segment.label for segment in bar.segments)
    said = escape(f"{label}: {spoken}. {bar.room}" if label else f"{spoken}. {bar.room}")
    stretches = "".join(
        f'<rect {s.look(over=bar.over)} x="{s.start}%" y="1" width="{s.width}%" height="14">'
        f"<title>{escape(s.label)}</title></rect>"
        for s in bar.segments
    )
    return (
        f'<svg class="memory-bar" role="img" aria-label="{said}">'
        f'<rect class="memory-ground" x="0" y="0.5" width="{bar.total_width}%" height="15" rx="3"/>'
        f"{stretches}{_budget_line(bar)}</svg>"
    )


def _budget_line(bar: MemoryBar) -> str:
    if bar.budget_at is None:
        return ""
    said = escape(f"{gettext('Budget')} {size_text(bar.budget)}")
    at = f'x1="{bar.budget_at}%" x2="{bar.budget_at}%"'
    return f'<line class="memory-budget" {at} y1="-3" y2="19"><title>{said}</title></line>'


def _legend(bar: MemoryBar) -> str:
    keys = "".join(
        f'<li><svg aria-hidden="true"><rect {segment.look(over=bar.over)} width="12" height="12"'
        f' rx="2"/></svg> {escape(segment.label)}</li>'
        for segment in bar.segments
    )
    rest = [bar.room]
    if bar.budget_at is not None:
        left = gettext("{free} left of the budget of {budget}")
        rest = [
            left.format(free=size_text(bar.free), budget=size_text(bar.budget)),
            gettext("{total} in all").format(total=size_text(bar.total)),
        ]
    words = "".join(f"<li>{escape(text)}</li>" for text in rest)
    return f'<ul class="memory-key">{keys}{words}</ul>'
