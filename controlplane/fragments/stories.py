"""Events told as a story: sentences, grouped by what a person asked for, failures opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.translation import gettext

from controlplane.addresses import address_of
from controlplane.fragments.failures import failure_of_event
from controlplane.wording.events import event_text
from controlplane.wording.formats import day_text
from models_app.domain.actors import Actor
from models_app.models import Event
from models_app.selectors.events import names_of

ASKED = frozenset(
    {
        "deployment.created",
        "deployment.revised",
        "deployment.rolled_back",
        "deployment.scaled",
        "deployment.stopped",
        "deployment.started",
        "deployment.retried",
        "deployment.deleted",
    }
)
"""Codes with which an attempt begins: a person wished for something."""


@dataclass(slots=True)
class Chapter:
    """One attempt: its entries, newest first."""

    title: str = ""
    entries: list[dict[str, Any]] = field(default_factory=list)


def story(events: Sequence[Event]) -> list[Chapter]:
    """Return the events of one deployment by attempt, newest first.

    The failure that stands now is told in full above the story; here each is one line that opens.
    """
    chapters: list[Chapter] = []
    for event in events:
        if not chapters or chapters[-1].title:
            chapters.append(Chapter())
        entry = entry_of(event)
        if entry["failure"]:
            entry["brief"] = entry.pop("failure")
            entry["brief"]["is_open"] = False
        chapters[-1].entries.append(entry)
        if event.code in ASKED:
            chapters[-1].title = f"{_day(event)} · {entry['text']}"
    if chapters and not chapters[-1].title:
        chapters[-1].title = gettext("Earlier")
    return chapters


def by_day(events: Sequence[Event]) -> list[Chapter]:
    """Return the events of one object grouped by day, newest first."""
    chapters: list[Chapter] = []
    for event in events:
        day = _day(event)
        if not chapters or chapters[-1].title != day:
            chapters.append(Chapter(day))
        chapters[-1].entries.append(entry_of(event))
    return chapters


def feed(actor: Actor, events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return events of many objects, each with the name and address of what it tells of."""
    names = names_of(actor, events)
    return [entry_of(event) | _subject(event, names) | {"failure": None} for event in events]


def _day(event: Event) -> str:
    text = day_text(event.at)
    return text[:1].upper() + text[1:]


def entry_of(event: Event) -> dict[str, Any]:
    """Return one event as the timeline shows it."""
    return {
        "id": event.public_id,
        "at": event.at,
        "level": event.level,
        "text": event_text(event.code, event.params),
        "failure": failure_of_event(event),
    }


_PAGES = {
    "deployment": "web:deployment",
    "host": "web:host",
    "model": "web:model",
}


def _subject(event: Event, names: Mapping[UUID, str]) -> dict[str, Any]:
    """Return the name and address of the object: for a replica, its deployment's."""
    kind, public_id = event.subject_kind, event.subject_id
    if event.deployment_id:
        kind, public_id = "deployment", event.deployment_id
    elif kind == "placement" and event.host_id:
        kind, public_id = "host", event.host_id
    name = names.get(public_id, "")
    if not name:
        return {"subject": gettext("something deleted"), "subject_url": ""}
    if kind == "operation":
        return {"subject": name, "subject_url": address_of("web:operation", str(public_id))}
    route = _PAGES.get(kind)
    return {"subject": name, "subject_url": address_of(route, name) if route else ""}
