"""What every page needs of the frame: entries, person, theme, languages, words for the scripts."""

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.html import json_script
from django.utils.translation import get_language, gettext
from django.utils.translation import get_language_info as language_info

from controlplane.fragments import navigation
from controlplane.web.pages import counts_of
from controlplane.wording.formats import relative_patterns
from controlplane.wording.roles import role_word
from models_app.domain.states import Role
from models_app.models import User

THEMES = ("light", "dark")
THEME_COOKIE = "slipway_theme"
SIDEBAR_COOKIE = "slipway_sidebar"


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return `frame`, worked out only when a template asks for it."""
    return {"frame": SimpleLazyObject(lambda: _frame(request))}


def _frame(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    signed_in = bool(user and user.is_authenticated)
    counts = counts_of(request) if signed_in else None
    role = Role(user.role) if isinstance(user, User) else Role.VIEWER
    return {
        "home": navigation.url_of("web:overview") or "/",
        "groups": navigation.sidebar_groups(request.path, counts, role),
        "path": request.path,
        "personal": navigation.entries(navigation.PERSONAL, path=request.path),
        "sign_out": navigation.url_of("web:sign-out"),
        "palette": navigation.url_of("web:palette"),
        "theme": _theme(request),
        "sidebar_folded": request.COOKIES.get(SIDEBAR_COOKIE) == "folded",
        "other_languages": _other_languages(),
        "initials": _initials(str(user)) if signed_in else "",
        "role": role_word(getattr(user, "role", "")),
        **_said(get_language() or "en"),
    }


@lru_cache(maxsize=8)
def _said(_language: str) -> dict[str, Any]:
    """Return what all pages of a language have: the keys, and the scripts' words as JSON."""
    return {"keys": _keys(), "words": json_script(_words(), "words")}


def _theme(request: HttpRequest) -> str:
    chosen = request.COOKIES.get(THEME_COOKIE) or getattr(
        getattr(request, "user", None), "theme", ""
    )
    return chosen if chosen in THEMES else ""  # "system" is the switch's word for neither


def _other_languages() -> list[tuple[str, str]]:
    now = (get_language() or "en").split("-")[0]
    codes = [code for code, _name in settings.LANGUAGES if code != now]
    return [(code, language_info(code)["name_local"].capitalize()) for code in codes]


def _initials(name: str) -> str:
    parts = [part for part in name.replace("-", " ").replace(".", " ").split() if part]
    return "".join(part[0] for part in parts[:2]).upper() or "?"


def _keys() -> list[tuple[list[str], str]]:
    places = [place for group in navigation.PLACES for place in group if place.key]
    jumps = [(["g", place.key], str(place.label)) for place in places]
    return [
        (["Ctrl", "K"], gettext("Jump to anything, or do it")),
        (["/"], gettext("Search on this page")),
        *jumps,
        (["?"], gettext("This list")),
        (["Esc"], gettext("Close what is open")),
    ]


def _words() -> dict[str, Any]:
    """Return the strings and key jumps that the scripts need, as the page's JSON block."""
    places = [place for group in navigation.PLACES for place in group if place.key]
    return {
        "time": relative_patterns(),
        "jumps": {place.key: navigation.url_of(place.route) for place in places},
        "live": gettext("live"),
        "paused": gettext("paused, retrying in {n} s"),
        "off": gettext("not live"),
        "stale": gettext("partly out of date"),
        "staleSince": gettext(
            "Not updated since {time}: it could not be read ({code}). It may no longer be true."
        ),
        "copied": gettext("Copied"),
        "close": gettext("Close"),
        "undo": gettext("Undo"),
        "look": gettext("Look"),
        "theme": {
            "": gettext("Theme: the system's"),
            "light": gettext("Theme: light"),
            "dark": gettext("Theme: dark"),
        },
        "selected": gettext("Selected: {n}"),
        "requestFailed": gettext("The server did not answer. Nothing was changed."),
        "refused": gettext("The server refused this ({code})."),
        "log": {
            "pause": gettext("Pause"),
            "follow": gettext("Follow"),
            "lines": gettext("Lines: {n}"),
            "found": gettext("Found: {n}"),
            "held": gettext("New below: {n}"),
        },
        "chart": {
            "none": gettext("No samples in this range yet."),
            "failed": gettext("The samples could not be read. Trying again."),
            "time": gettext("Time"),
            "gap": gettext("no samples"),
        },
    }
