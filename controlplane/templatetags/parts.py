"""The parts of a page that need a little code; those that do not are templates/components/.

`{% icon %}`, `{% mark %}`, `{% state %}`, `{% copy %}`, `{% verdict %}` and, for parts that wrap
other markup, `{% part "panel" title=… %}…{% endpart %}`, which renders
templates/components/panel.html with the wrapped markup as `body`.
"""

from datetime import datetime
from functools import lru_cache
from typing import Any

from django import template
from django.contrib.messages.storage.base import Message
from django.template import Context
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext

from controlplane.addresses import address_of
from controlplane.templatetags.formats import since as since_tag
from controlplane.wording.formats import size_text
from controlplane.wording.states import LEVEL_SHAPES, Shape, state_word

register = template.Library()
UNDO = "undo:"  # a message's extra tag: the address whose POST takes the action back


@register.simple_tag
def address(route: str, ref: object) -> str:
    """`{% address "web:host" host.name %}`: as `url` with one argument, for rows of lists."""
    return address_of(route, str(ref))


@register.simple_tag
def select_row(value: str, label: str) -> SafeString:
    """`{% select_row host.name host.name %}`: the cell that selects its row."""
    return format_html(
        '<td class="select"><input type="checkbox" name="selected" value="{}" aria-label="{}">'
        "</td>",
        value,
        gettext("Select {label}").format(label=label),
    )


@register.simple_tag
def icon(name: str) -> SafeString:
    """`{% icon "hosts" %}`: a drawing of static/slipway/icons.svg, silent to screen readers."""
    return _icon(name, static("slipway/icons.svg"))


@lru_cache(maxsize=256)
def _icon(name: str, sprite: str) -> SafeString:
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', sprite, name
    )


@register.simple_tag
def mark(shape: str) -> SafeString:
    """`{% mark "ready" %}`: a state's shape; ready, busy, warn, bad, unknown or stopped."""
    return _mark(str(shape), static("slipway/icons.svg"))


@lru_cache(maxsize=64)
def _mark(shape: str, sprite: str) -> SafeString:
    return format_html(
        '<svg class="mark mark-{}" aria-hidden="true"><use href="{}#state-{}"/></svg>',
        shape,
        sprite,
        shape,
    )


@register.simple_tag
def level_shape(level: str) -> Shape:
    """`{% level_shape event.level as shape %}`: the shape of an event's level."""
    return LEVEL_SHAPES.get(level, Shape.STOPPED)


@register.simple_tag
def state(state: str, since: datetime | None = None, reason: str = "") -> SafeString:
    """`{% state replica.state since=replica.state_since reason=sentence %}`: the state pill.

    With a reason the pill is a button that tells why.
    """
    shown = state_word(state)
    inside = f'{mark(shown.shape)}<span class="pill-word">{escape(shown.word)}</span>'
    if since:
        inside += f'<span class="pill-since">{since_tag(since)}</span>'
    if not reason:
        return SafeString(f'<span class="pill is-{shown.shape}">{inside}</span>')
    return format_html(
        '<button type="button" class="pill is-{}" data-why aria-expanded="false" title="{}">{}'
        '</button><span class="popover" popover>{}</span>',
        shown.shape,
        reason,
        SafeString(inside),
        reason,
    )


@register.simple_tag
def copy(text: str, label: str = "") -> SafeString:
    """`{% copy digest %}`: a button that copies `text`; `label` says what it is."""
    return format_html(
        '<button type="button" class="button button-quiet button-small button-icon" '
        'data-copy="{}" aria-label="{}" title="{}">{}</button>',
        text,
        label or gettext("Copy"),
        label or gettext("Copy"),
        icon("copy"),
    )


@register.simple_tag
def bulk_verb(url: str, verb: str, label: str) -> SafeString:
    """`{% bulk_verb url "stop" _("Stop") %}`: does it to the selected rows; without scripts too."""
    return format_html(
        '<button class="button button-small" name="verb" value="{}" hx-post="{}" '
        'hx-vals=\'{{"verb": "{}"}}\' hx-swap="none">{}</button>',
        verb,
        url,
        verb,
        label,
    )


@register.filter
def undo_of(message: Message) -> str:
    """`{{ message|undo_of }}`: the address whose POST takes back what a message tells."""
    tag = message.extra_tags or ""
    return tag.removeprefix(UNDO) if tag.startswith(UNDO) else ""


_VERDICTS = {"fits": Shape.READY, "tight": Shape.WARN, "short": Shape.BAD}


@register.simple_tag
def verdict(kind: str, margin_bytes: int | None = None) -> SafeString:
    """`{% verdict "fits" margin %}`: fits, tight, short (by the margin) or unknown."""
    margin = size_text(abs(margin_bytes)) if margin_bytes is not None else ""
    texts = {
        "fits": gettext("fits, {margin} left"),
        "tight": gettext("tight, {margin} left"),
        "short": gettext("does not fit, {margin} short"),
    }
    shape = _VERDICTS.get(kind, Shape.UNKNOWN)
    text = texts[kind].format(margin=margin) if kind in texts else gettext("need unknown")
    return format_html('<span class="verdict is-{}">{}{}</span>', shape, mark(shape), text)


@register.simple_tag
def replicas(ready: int, wished: int) -> SafeString:
    """`{% replicas 2 3 %}`: ready of wished, the words for screen readers."""
    words = ngettext("{ready} of {n} replica ready", "{ready} of {n} replicas ready", wished)
    return format_html(
        '<span aria-hidden="true">{}/{}</span><span class="visually-hidden">{}</span>',
        ready,
        wished,
        words.format(ready=ready, n=wished),
    )


@register.simple_tag
def served(one: Any) -> SafeString:
    """`{% served one %}`: a deployment on a host: its state, name and replicas there."""
    shown = state_word(one.state)
    words = ngettext("{n} replica", "{n} replicas", one.replicas).format(n=one.replicas)
    return format_html(
        '<span class="is-{}" title="{}">{}</span><span class="visually-hidden">{}</span>'
        ' <a href="{}">{}</a> · {}',
        shown.shape,
        shown.word,
        mark(shown.shape),
        shown.word,
        address_of("web:deployment", one.name),
        one.name,
        words,
    )


@register.simple_block_tag(takes_context=True)
def part(context: Context, content: str, name: str, **values: Any) -> str:
    """`{% part "panel" title=… %}…{% endpart %}`: a component around the wrapped markup."""
    inner: dict[Any, Any] = dict(context.flatten())
    inner |= values
    inner["body"] = mark_safe(content)  # noqa: S308 (rendered by a template of ours)
    return render_to_string(f"components/{name}.html", inner)
