"""Words for what the gateway allows: kinds of requests, limits, timeouts."""

from collections.abc import Sequence
from dataclasses import asdict

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from controlplane.wording.formats import number_text, short_number_text
from models_app.domain.gateway import KeyRoute, Limits, Timeouts

Text = str | Promise

ROUTE_WORDS: dict[str, Text] = {
    KeyRoute.CHAT: _("Chat"),
    KeyRoute.COMPLETIONS: _("Completions"),
    KeyRoute.EMBEDDINGS: _("Embeddings"),
    KeyRoute.RESPONSES: _("Responses"),
    KeyRoute.MESSAGES: _("Messages (Anthropic)"),
    "playground": _("Playground"),
}
LIMIT_WORDS: dict[str, Text] = {
    "requests_per_minute": _("Requests per minute"),
    "tokens_per_minute": _("Tokens per minute"),
    "tokens_per_day": _("Tokens per day"),
    "concurrent_requests": _("Requests at the same time"),
    "max_tokens_per_request": _("Tokens of one answer"),
}
TIMEOUT_WORDS: dict[str, Text] = {
    "connect_s": _("To connect"),
    "first_token_s": _("To the first token"),
    "idle_s": _("From token to token"),
}


def routes_words(routes: Sequence[str]) -> str:
    """Return kinds of requests in words; all of them in one."""
    if set(routes) >= set(KeyRoute):
        return gettext("every kind of request")
    return ", ".join(str(ROUTE_WORDS.get(route, route)) for route in routes)


def route_word(route: str) -> str:
    """Return one kind of request in words."""
    return str(ROUTE_WORDS.get(route, route))


def timeouts_words(timeouts: Timeouts) -> list[tuple[str, str]]:
    """Return timeouts: label and seconds."""
    return [
        (str(TIMEOUT_WORDS[name]), gettext("{n} s at most").format(n=short_number_text(value)))
        for name, value in asdict(timeouts).items()
    ]


def limits_words(limits: Limits) -> list[tuple[str, str]]:
    """Return what is limited: label and figure."""
    return [
        (str(LIMIT_WORDS[name]), number_text(value))
        for name, value in asdict(limits).items()
        if value is not None
    ]
