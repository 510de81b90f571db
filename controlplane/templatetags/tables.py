"""Table heads that sort and chips that filter; both live in the address, so a view is shared."""

from typing import Any

from django import template
from django.http import QueryDict
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.templatetags.parts import icon

register = template.Library()

_PAGE_KEYS = ("cursor", "page")


def _query_of(context: Context) -> QueryDict:
    """The filters that a fragment was asked for, else those of the page's address."""
    filters = context.get("filters")
    if filters is None:
        request = context.get("request")
        filters = request.GET if request else QueryDict()
    query: QueryDict = filters.copy()
    for key in _PAGE_KEYS:
        query.pop(key, None)
    return query


def _address(query: QueryDict) -> str:
    return f"?{query.urlencode()}" if query else "?"


@register.simple_tag(takes_context=True)
def sort_header(context: Context, key: str, label: str, kind: str = "") -> SafeString:
    """`{% sort_header "name" _("Name") %}`: a `<th>`; `kind` is its class, "number" for figures.

    The order is in `?sort=`: the key, with a minus for descending.
    """
    query = _query_of(context)
    now = query.get("sort", "")
    order = {key: "ascending", f"-{key}": "descending"}.get(now, "")
    query["sort"] = f"-{key}" if now == key else key
    arrow = icon("up" if order == "ascending" else "down") if order else ""
    sorted_as = format_html(' aria-sort="{}"', order) if order else ""
    return format_html(
        '<th scope="col" class="{}"{}><a class="sort" href="{}">{}{}</a></th>',
        kind,
        sorted_as,
        _address(query),
        label,
        arrow,
    )


@register.simple_tag(takes_context=True)
def chip(context: Context, key: str, value: str, label: str, count: Any = None) -> SafeString:
    """`{% chip "state" "ready" _("Ready") count=3 %}`: a filter in the address; again clears it."""
    query = _query_of(context)
    active = query.get(key, "") == value
    if active or not value:
        query.pop(key, None)
    else:
        query[key] = value
    counted = format_html('<span class="chip-count">{}</span>', count) if count is not None else ""
    return format_html(
        '<a class="chip" href="{}"{}>{}{}</a>',
        _address(query),
        SafeString(' aria-current="true"') if active else "",
        label,
        counted,
    )
