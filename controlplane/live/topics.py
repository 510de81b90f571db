"""What a page says it shows, checked before anything is read for it."""

from dataclasses import dataclass
from typing import Any

from controlplane.fragments import catalogue
from controlplane.fragments.registry import Asked, Fragment, fragment_find
from models_app.domain.errors import InvalidError, NotFoundError, SlipwayError
from models_app.notify import browsers
from models_app.selectors.lookup import as_uuid

TOPICS = 100  # on one page
NAME_WIDTH = 60
QUERY_WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Topic:
    """One fragment as one page shows it: which, of what, with which filters."""

    fragment: Fragment
    asked: Asked

    @property
    def key(self) -> str:
        """The name by which page and server speak of it."""
        return topic_key(self.fragment.name, self.asked.id, self.asked.query)

    def groups(self) -> set[str]:
        """Return the groups whose hints repaint it."""
        found = {browsers.list_group(kind) for kind in self.fragment.lists}
        if self.fragment.of and self.asked.id:
            found.add(browsers.object_group(self.fragment.of, self.asked.id))
        return found

    def is_meant(self, hint: browsers.Hint) -> bool:
        """Return whether the hint may have changed what this shows."""
        kind = hint["kind"]
        mine = kind == self.fragment.of and hint["id"] == self.asked.id
        return mine or kind in self.fragment.lists


def topic_key(name: str, object_id: str, query: str) -> str:
    """Return the key of a topic; `live.js` builds the same."""
    return f"{name}|{object_id}|{query}"


def topics_of(frame: dict[str, Any]) -> tuple[dict[str, Topic], dict[str, str]]:
    """Return the topics a `show` frame names, by key, and the codes of those refused.

    Raises InvalidError when the frame itself is not what it should be.
    """
    catalogue.load()
    listed = frame.get("topics")
    if not isinstance(listed, list) or len(listed) > TOPICS:
        raise InvalidError
    good: dict[str, Topic] = {}
    refused: dict[str, str] = {}
    for entry in listed:
        name, object_id, query = _parts(entry)
        key = topic_key(name, object_id, query)
        try:
            good[key] = _topic(name, object_id, query)
        except SlipwayError as error:
            refused[key] = error.code
    return good, refused


def _parts(entry: object) -> tuple[str, str, str]:
    if not isinstance(entry, dict):
        raise InvalidError
    name, object_id, query = (entry.get(key, "") for key in ("name", "id", "query"))
    for value, width in ((name, NAME_WIDTH), (object_id, NAME_WIDTH), (query, QUERY_WIDTH)):
        if not isinstance(value, str) or len(value) > width:
            raise InvalidError
    return name, object_id, query


def _topic(name: str, object_id: str, query: str) -> Topic:
    fragment = fragment_find(name)
    if (fragment.of or object_id) and as_uuid(object_id) is None:
        raise NotFoundError(params={"kind": fragment.of or "fragment", "ref": object_id})
    return Topic(fragment, Asked(id=object_id, query=query))
