"""What a page may show live: each fragment's name, template, reader, and what changes it.

A fragment is registered once, below the pages and the sockets, so that both paint it the same way:

    @fragment("deployment.head", template="deployments/_head.html", of="deployment")
    def deployment_head(actor: Actor, asked: Asked) -> dict[str, Any]:
        return {"deployment": deployment_get(actor, asked.id)}

Its template has one root element with a stable id, which names itself to `live.js`:

    <section id="deployment-head" data-live="deployment.head" data-live-id="{{ ... }}">

`data-live-query` carries the filters of a list, as in the page's address. The reader goes through
selectors only: they check access for `actor`, and what they raise is what the socket answers. A
template must not need the request beyond `request.GET` (the filters): the other names it has are
those of `viewer_context` and the reader's. A form in it is sent by htmx, which carries the token.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from models_app.domain.actors import Actor
from models_app.domain.errors import NotFoundError
from models_app.domain.states import Role


@dataclass(frozen=True, slots=True)
class Asked:
    """Which one of a fragment is meant: the object's public id, the list's query string."""

    id: str = ""
    query: str = ""

    @property
    def filters(self) -> QueryDict:
        """The query string, parsed as a page's own."""
        return QueryDict(self.query)


Reader = Callable[[Actor, Asked], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Fragment:
    """One registered part of a page."""

    name: str
    template: str
    read: Reader
    of: str = ""  # the kind of object it shows; a hint about that object repaints it
    lists: tuple[str, ...] = ()  # kinds of which any object's hint repaints it
    every_s: float | None = None  # for what changes without hints: figures, charts


_fragments: dict[str, Fragment] = {}


def fragment(
    name: str,
    *,
    template: str,
    of: str = "",
    lists: tuple[str, ...] = (),
    every_s: float | None = None,
) -> Callable[[Reader], Reader]:
    """Register the decorated reader as the fragment `name`; a name can be taken only once."""

    def register(read: Reader) -> Reader:
        if name in _fragments:
            raise ValueError(f"fragment {name} is registered twice")
        _fragments[name] = Fragment(name, template, read, of, lists, every_s)
        return read

    return register


def fragment_find(name: str) -> Fragment:
    """Return the fragment of that name. Raises NotFoundError."""
    found = _fragments.get(name)
    if found is None:
        raise NotFoundError(params={"kind": "fragment", "ref": name[:100]})
    return found


def fragments_registered() -> Iterator[Fragment]:
    """Return every fragment, for the tests that paint them all."""
    return iter(_fragments.values())


def viewer_context(actor: Actor) -> dict[str, Any]:
    """Return what every fragment's template may ask about the person who looks at it."""
    return {
        "actor": actor,
        "may_operate": actor.role.allows(Role.OPERATOR),
        "may_administer": actor.role.allows(Role.ADMIN),
    }
