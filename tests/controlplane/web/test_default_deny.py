"""Walks every route: without a session only the few that lead to one answer."""

import uuid
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

OPEN_TO_ALL = {"sign-in", "sign-in-link", "sign-out", "language", "healthz", "health"}
DEVELOPMENT = {"styleguide", "styleguide-series", "styleguide-log", "styleguide-error"}
OTHERS = ("api/", "v1/")  # bearer tokens; their own walks are beside them
SAMPLES = {"uuid": str(uuid.UUID(int=1)), "int": "1"}


def routes(
    patterns: list[URLPattern | URLResolver] | None = None, before: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield (name, address) of every route, parameters filled with samples."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        text = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, text)
        elif not text.startswith(OTHERS):
            yield pattern.name or text, "/" + _filled(text)


def _filled(text: str) -> str:
    parts = []
    for part in text.replace("<", "\0<").replace(">", ">\0").split("\0"):
        kind = part[1:].split(":")[0] if part.startswith("<") else ""
        parts.append(SAMPLES.get(kind, "x") if kind else part)
    return "".join(parts)


ROUTES = dict(routes())


def test_the_walk_finds_the_pages() -> None:
    assert len(ROUTES) > 60
    assert ROUTES["deployment"] == "/deployments/x/"
    assert ROUTES["operation"].startswith("/operations/00000000-")


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(set(ROUTES) - OPEN_TO_ALL - DEVELOPMENT))
@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_a_stranger_is_led_to_the_sign_in(client: Client, name: str, method: str) -> None:
    response = getattr(client, method)(ROUTES[name])
    assert response.status_code in (302, 401, 403), name
    if response.status_code == 302:
        assert response["Location"].startswith("/sign-in?next=")


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(set(ROUTES) - DEVELOPMENT))
def test_no_route_answers_a_viewer_with_a_fault(charlie_browser: Client, name: str) -> None:
    charlie_browser.raise_request_exception = True
    for method in ("get", "post", "put", "delete"):
        response = getattr(charlie_browser, method)(ROUTES[name])
        assert response.status_code < 500, f"{method} {name}"
