"""What every request passes through, besides Django's own."""

import re
import secrets
from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from controlplane.logs import REQUEST_ID, request_id

_SAFE_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class RequestIdMiddleware:
    """Gives each request an id, in the log lines and in the `X-Request-ID` header."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Use the caller's id when it is harmless, else a new one."""
        sent = request.headers.get("X-Request-ID", "")
        own = sent if _SAFE_ID.fullmatch(sent) else secrets.token_hex(8)
        request.META[REQUEST_ID] = own
        token = request_id.set(own)
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request_id.get()
            return response
        finally:
            request_id.reset(token)


ZONE_COOKIE = "slipway_zone"  # the browser's time zone, kept there by static/slipway/frame.js


class PreferencesMiddleware:
    """A signed-in person's own language wins over the browser's; times are in its zone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Activate the language of the user's profile, and the zone of the browser."""
        language = getattr(request.user, "language", "") if request.user.is_authenticated else ""
        if language:
            translation.activate(language)
            request.LANGUAGE_CODE = language
        with timezone.override(_zone_of(request)):
            return self.get_response(request)


def _zone_of(request: HttpRequest) -> ZoneInfo | None:
    try:
        return ZoneInfo(request.COOKIES.get(ZONE_COOKIE) or "UTC")
    except (ValueError, KeyError, OSError):  # what a browser sends may be anything
        return None
