"""What the fields of an audit row are called, and how the values of some are read."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from controlplane.wording.formats import number_text, size_text
from controlplane.wording.roles import ROLES
from controlplane.wording.states import state_word

Text = str | Promise

FIELDS: dict[str, Text] = {
    "aliases": _("Aliases"),
    "artifacts": _("Artifacts"),
    "certificate_sha256": _("Certificate"),
    "connection": _("Connection"),
    "deployments": _("Deployments"),
    "description": _("Description"),
    "display_name": _("Display name"),
    "events_days": _("Keep histories"),
    "every_model": _("Every model"),
    "failure_code": _("Failure"),
    "fetch_networks": _("Local networks that models may be fetched from"),
    "hosts": _("Hosts"),
    "hours": _("Hours"),
    "identity": _("Identity"),
    "is_active": _("May sign in"),
    "is_pinned": _("Kept on the host"),
    "is_set_up": _("Set up"),
    "keep_days": _("Kept for"),
    "labels": _("Labels"),
    "language": _("Language"),
    "licence": _("Licence"),
    "limits": _("Limits"),
    "memory_budget_bytes": _("Memory budget"),
    "metrics_days": _("Keep measurements"),
    "name": _("Name"),
    "ollama_face": _("Ollama's addresses too"),
    "percent": _("Per cent of requests"),
    "replicas": _("Replicas"),
    "replicas_wished": _("Replicas"),
    "requests": _("Requests"),
    "revision": _("Revision"),
    "role": _("Role"),
    "routes": _("Requests"),
    "runtime": _("Runtime"),
    "scheduling": _("New replicas"),
    "scope": _("Opens"),
    "scopes": _("It may"),
    "secret": _("Secret"),
    "shows_test_engines": _("Offer engines that only pretend"),
    "ssh_host_key": _("SSH host key"),
    "state": _("State"),
    "theme": _("Theme"),
    "timeouts": _("Timeouts"),
    "title": _("Title"),
    "token_days": _("API tokens live at most"),
    "version": _("Version"),
    "wish": _("Wish"),
}

_WORDS: Mapping[str, Mapping[str, Text]] = {
    "role": ROLES,
    "scopes": {"read": _("look"), "operate": _("operate"), "admin": _("administer")},
    "secret": {"set": _("set"), "not set": _("not set"), "replaced": _("replaced")},
    "theme": {"light": _("light"), "dark": _("dark")},
    "wish": {
        "running": pgettext_lazy("wish", "running"),
        "stopped": pgettext_lazy("wish", "stopped"),
        "deleted": pgettext_lazy("wish", "deleted"),
    },
}


def values_of(field: str) -> Callable[[Any], str] | None:
    """Return how the values of a field are read; None where they say it themselves."""
    if field in _WORDS:
        return lambda value: _worded(_WORDS[field], value)
    if field in {"state", "scheduling"}:
        return lambda value: str(state_word(str(value)).word)
    if field.endswith("_bytes"):
        return size_text
    if field.endswith("_days"):
        return _days
    return _count if field in {"deployments", "aliases"} else None


def _worded(words: Mapping[str, Text], value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_worded(words, one) for one in value)
    return str(words.get(str(value), value))


def _days(value: Any) -> str:
    count = int(value)
    return ngettext("{n} day", "{n} days", count).format(n=number_text(count))


def _count(value: Any) -> str:
    """Return how many: the rows of an audit outlive the names of what they tell of."""
    return number_text(len(value) if isinstance(value, (list, tuple)) else value)
