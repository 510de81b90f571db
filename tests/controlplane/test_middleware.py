"""Times are told in the browser's own zone; a cookie may hold anything."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from controlplane.middleware import ZONE_COOKIE, PreferencesMiddleware
from models_app.models import User


@pytest.mark.parametrize(
    ("cookie", "zone"),
    [
        ("Europe/Rome", "Europe/Rome"),
        ("../../etc/passwd", "UTC"),
        ("/etc/passwd", "UTC"),
        ("Europe", "UTC"),
        ("Mars/Base", "UTC"),
        ("", "UTC"),
    ],
)
def test_the_zone_of_the_browser(cookie: str, zone: str) -> None:
    seen = []

    def view(_request: HttpRequest) -> HttpResponse:
        seen.append(timezone.get_current_timezone_name())
        return HttpResponse()

    request = RequestFactory().get("/")
    request.COOKIES[ZONE_COOKIE] = cookie
    request.user = User(name="alice")
    PreferencesMiddleware(view)(request)
    assert seen == [zone]
    assert timezone.get_current_timezone_name() == "UTC"
