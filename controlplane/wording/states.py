"""Each state's word and shape. The shape carries the meaning; colour only repeats it."""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Shape(StrEnum):
    """How serious a state is: one drawing and one colour each."""

    READY = "ready"
    BUSY = "busy"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class StateWord:
    """How a state is shown."""

    shape: Shape
    word: str | Promise


_WORDS: dict[str, StateWord] = {
    # well
    "ready": StateWord(Shape.READY, _("Ready")),
    "succeeded": StateWord(Shape.READY, _("Done")),
    "open": StateWord(Shape.READY, pgettext_lazy("scheduling", "Open")),
    "good": StateWord(Shape.READY, pgettext_lazy("key", "Good")),
    # on the way
    "pending": StateWord(Shape.BUSY, _("Waiting")),
    "placing": StateWord(Shape.BUSY, _("Placing model")),
    "starting": StateWord(Shape.BUSY, _("Starting")),
    "deploying": StateWord(Shape.BUSY, _("Deploying")),
    "importing": StateWord(Shape.BUSY, _("Importing")),
    "running": StateWord(Shape.BUSY, _("Running")),
    "stopping": StateWord(Shape.BUSY, _("Stopping")),
    "cancelling": StateWord(Shape.BUSY, _("Cancelling")),
    "deleting": StateWord(Shape.BUSY, _("Deleting")),
    "removing": StateWord(Shape.BUSY, _("Removing")),
    "draining": StateWord(Shape.BUSY, _("Draining")),
    # keys that open nothing
    "expired": StateWord(Shape.WARN, pgettext_lazy("key", "Expired")),
    "unbacked": StateWord(Shape.WARN, _("Owner may not")),
    "revoked": StateWord(Shape.STOPPED, pgettext_lazy("key", "Revoked")),
    # works less than wished
    "degraded": StateWord(Shape.WARN, _("Degraded")),
    "unhealthy": StateWord(Shape.WARN, _("Does not answer")),
    "backoff": StateWord(Shape.WARN, _("Retrying")),
    "cordoned": StateWord(Shape.WARN, _("Cordoned")),
    "unreachable": StateWord(Shape.WARN, _("Unreachable")),
    # does not work
    "failed": StateWord(Shape.BAD, _("Failed")),
    "corrupt": StateWord(Shape.BAD, _("Corrupt")),
    "missing": StateWord(Shape.BAD, _("Missing")),
    # not known, not wanted
    "unknown": StateWord(Shape.UNKNOWN, _("Unknown")),
    "stopped": StateWord(Shape.STOPPED, _("Stopped")),
    "cancelled": StateWord(Shape.STOPPED, _("Cancelled")),
    "retired": StateWord(Shape.STOPPED, _("Retired")),
}

LEVEL_SHAPES: dict[str, Shape] = {
    "info": Shape.STOPPED,
    "good": Shape.READY,
    "busy": Shape.BUSY,
    "warning": Shape.WARN,
    "bad": Shape.BAD,
}
"""The shape of an event's level."""


def state_word(state: str) -> StateWord:
    """Return how `state` is shown; a state without a word is shown as unknown, by its own name."""
    return _WORDS.get(str(state)) or StateWord(Shape.UNKNOWN, str(state))


def known_states() -> frozenset[str]:
    """Return the states that have a word."""
    return frozenset(_WORDS)
