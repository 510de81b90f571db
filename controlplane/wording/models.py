"""What is said of models in words: where one came from, and what comes with Slipway."""

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_noop as _

from controlplane.wording.formats import UNKNOWN

SOURCES: dict[str, str | Promise] = {
    "bundled": pgettext_lazy("from", "Slipway itself"),
    "demo": pgettext_lazy("from", "the demonstration"),
    "file": pgettext_lazy("from", "a file on the server"),
    "ollama": pgettext_lazy("from", "an Ollama host"),
    "upload": pgettext_lazy("from", "an upload"),
    "url": pgettext_lazy("from", "the web"),
}
OURS = frozenset(
    {_("A very small chat model that comes with Slipway: quick to try, easily wrong.")}
)
"""Descriptions that Slipway itself wrote: kept in English, shown in the language of the reader."""


def source_word(kind: str) -> str:
    """Return where a model came from; a source of tomorrow is called by its key."""
    return str(SOURCES.get(kind, kind)) or UNKNOWN


def description_text(description: str) -> str:
    """Return a model's description; what people wrote stays as they wrote it."""
    return gettext(description) if description in OURS else description
