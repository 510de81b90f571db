"""Paints a fragment for one person: for a page's first paint, an htmx answer, or a socket."""

from dataclasses import dataclass

from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from controlplane.fragments import catalogue
from controlplane.fragments.registry import Asked, Fragment, fragment_find, viewer_context
from models_app.domain.actors import Actor


@dataclass(frozen=True, slots=True)
class AskedRequest:
    """All that a fragment may know of a request: the page's filters, for links that keep them."""

    GET: QueryDict


def paint(fragment: Fragment, actor: Actor, asked: Asked) -> SafeString:
    """Return the fragment's HTML in the active language. Raises what its selectors raise."""
    context = viewer_context(actor) | {"request": AskedRequest(asked.filters)}
    context |= fragment.read(actor, asked)
    return render_to_string(fragment.template, context)


def paint_named(name: str, actor: Actor, *, id: str = "", query: str = "") -> SafeString:  # noqa: A002
    """Return the HTML of the fragment of that name, as a view puts it into its page."""
    catalogue.load()
    return paint(fragment_find(name), actor, Asked(id=str(id), query=query))
