"""Figures and times in templates: `{{ artifact.size_bytes|size }}`, `{% ago event.at %}`."""

from datetime import datetime

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString

from controlplane.wording import formats
from controlplane.wording.engines import engine_word
from controlplane.wording.models import description_text, source_word
from controlplane.wording.roles import role_word

register = template.Library()

register.filter("number", formats.number_text)  # {{ value|number }}, {{ value|number:1 }}
register.filter("short_number", formats.short_number_text)  # 4.2, 42.7, 427
register.filter("percent", formats.percent_text)  # 0 to 100
register.filter("size", formats.size_text)  # bytes, binary units
register.filter("rate", formats.rate_text)  # bytes per second
register.filter("parameters", formats.parameters_text)  # 135 M
register.filter("engine", engine_word)  # llama.cpp
register.filter("role", role_word)  # Admin
register.filter("source", source_word)  # an upload
register.filter("described", description_text)  # ours in the reader's language
register.filter("duration", formats.duration_text)  # seconds
register.filter("day", formats.day_text)  # today, yesterday, 4 Mar 2026
register.filter("date_of", formats.date_text)  # 4 Mar 2026


def _time(moment: datetime | None, text: str, kind: str) -> SafeString | str:
    if moment is None:
        return formats.UNKNOWN
    at, title = moment.isoformat(timespec="milliseconds"), escape(formats.moment_text(moment))
    return SafeString(
        f'<time datetime="{at}" title="{title}" data-time="{kind}">{escape(text)}</time>'
    )


@register.simple_tag
def ago(moment: datetime | None) -> str:
    """`{% ago event.at %}`: 3 min ago, kept true by the browser."""
    return _time(moment, formats.ago_text(moment), "ago")


@register.simple_tag
def since(moment: datetime | None) -> str:
    """`{% since replica.state_since %}`: 3 min, kept true by the browser."""
    return _time(moment, formats.since_text(moment), "since")


@register.simple_tag
def clock(moment: datetime | None) -> str:
    """`{% clock event.at %}`: 12:04:31, in the browser's time zone."""
    return _time(moment, formats.clock_text(moment), "clock")


@register.simple_tag
def moment(at: datetime | None) -> str:
    """`{% moment token.created_at %}`: day and time in full."""
    return _time(at, formats.moment_text(at), "moment")
