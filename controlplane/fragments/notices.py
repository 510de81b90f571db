"""One event as a toast tells it on a page that shows something else."""

from typing import Any
from uuid import UUID

from controlplane.fragments.stories import feed
from models_app.domain.actors import Actor
from models_app.selectors.events import events_visible

_LEVELS = {"good": "success", "bad": "error", "warning": "warning"}


def notice_of(actor: Actor, event_id: UUID | str) -> dict[str, Any] | None:
    """Return text, level and address of an event's toast; None when its object has gone."""
    event = events_visible(actor).filter(public_id=event_id).first()
    told = feed(actor, [event])[0] if event else None
    if not told or not told["subject_url"]:
        return None
    return {
        "text": f"{told['subject']}: {told['text']}",
        "level": _LEVELS.get(told["level"], "info"),
        "url": told["subject_url"],
    }
