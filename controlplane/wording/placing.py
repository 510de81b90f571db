"""Why a replica went to its host and not to another, from what the scheduler stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, ngettext

from controlplane.wording.failures import passed_over_texts
from controlplane.wording.formats import number_text, size_text
from models_app.domain.scheduling import Apart, Policy


@dataclass(frozen=True, slots=True)
class PlacingText:
    """The choice in one sentence, and (host, why not) for those passed over."""

    sentence: str
    passed_over: tuple[tuple[str, str], ...]


def placing_text(reason: Mapping[str, Any]) -> PlacingText | None:
    """Return the wording of a stored choice; None when nothing was stored."""
    if not reason:
        return None
    parts = [_rule(reason), *_figures(reason)]
    return PlacingText("; ".join(parts) + ".", passed_over_texts(reason))


def _rule(reason: Mapping[str, Any]) -> str:
    if reason.get("policy") == Policy.PACK:
        rule = gettext("Packed on few hosts")
    else:
        rule = gettext("Spread over the hosts")
    if reason.get("apart") == Apart.REQUIRE:
        rule = gettext("{rule}, copies always apart").format(rule=rule)
    elif reason.get("apart") == Apart.PREFER:
        rule = gettext("{rule}, copies apart where possible").format(rule=rule)
    return rule


def _figures(reason: Mapping[str, Any]) -> list[str]:
    found = []
    copies = reason.get("copies")
    if copies is not None:
        text = ngettext("{n} copy was there before", "{n} copies were there before", copies)
        found.append(text.format(n=number_text(copies)) if copies else gettext("no copy was there"))
    room, needed = reason.get("room_bytes"), reason.get("needed_bytes")
    if room is not None and needed is not None:
        text = gettext("{room} were free, {needed} are needed")
        found.append(text.format(room=size_text(room), needed=size_text(needed)))
    if reason.get("has_artifact"):
        found.append(gettext("the model's file was there already"))
    return found
