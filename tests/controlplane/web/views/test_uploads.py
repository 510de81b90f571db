"""Uploads in pieces: resumed, refused, one's own alone, and never larger than agreed."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client


@pytest.fixture
def browser(bob_browser: Client) -> Client:
    """The operator's browser with its token."""
    bob_browser.get("/profile/")
    return bob_browser


def call(browser: Client, method: str, address: str, body: bytes = b"") -> Any:
    headers = {"X-CSRFToken": browser.cookies["slipway_csrf"].value}
    return getattr(browser, method)(
        address, body, content_type="application/octet-stream", headers=headers
    )


def begin(browser: Client, size: int = 10) -> str:
    return call(browser, "post", f"/uploads?size={size}").json()["upload"]


def path_of(upload: str) -> Path:
    return settings.PATHS.uploads / f"{upload}.upload"


def test_pieces_are_put_together_and_resumed(browser: Client) -> None:
    upload = begin(browser)
    assert call(browser, "put", f"/uploads/{upload}?offset=0", b"hello").json() == {"offset": 5}
    lost = call(browser, "put", f"/uploads/{upload}?offset=0", b"hello")
    assert (lost.status_code, lost.json()["code"], lost.json()["done"]) == (409, "UPLOAD_OFFSET", 5)
    assert call(browser, "put", f"/uploads/{upload}?offset=5", b"world").json() == {"offset": 10}
    assert path_of(upload).read_bytes() == b"helloworld"
    assert path_of(upload).stat().st_mode & 0o077 == 0


def test_a_cancelled_upload_is_gone(browser: Client) -> None:
    upload = begin(browser)
    assert call(browser, "delete", f"/uploads/{upload}").status_code == 200
    assert not path_of(upload).exists()
    assert call(browser, "delete", f"/uploads/{upload}").status_code == 200
    assert call(browser, "put", f"/uploads/{upload}?offset=0", b"x").status_code == 404


def test_more_than_was_announced_leaves_nothing(browser: Client) -> None:
    upload = begin(browser, size=8)
    call(browser, "put", f"/uploads/{upload}?offset=0", b"1234")
    assert call(browser, "put", f"/uploads/{upload}?offset=4", b"56789").status_code == 413
    assert path_of(upload).read_bytes() == b"1234"


def test_what_is_too_large_is_said_before_anything_is_sent(browser: Client) -> None:
    refused = call(browser, "post", f"/uploads?size={1 << 49}")
    assert (refused.status_code, refused.json()["code"]) == (413, "UPLOAD_TOO_LARGE")


def test_anothers_upload_is_unknown(browser: Client, alice_browser: Client) -> None:
    upload = begin(browser)
    alice_browser.get("/profile/")
    assert call(alice_browser, "put", f"/uploads/{upload}?offset=0", b"x").status_code == 404
    call(alice_browser, "delete", f"/uploads/{upload}")
    assert path_of(upload).exists()


@pytest.mark.parametrize("name", ["u1", "u1-..", "u1-" + "z" * 31, "x" * 300])
def test_made_up_names_are_unknown(browser: Client, name: str) -> None:
    assert call(browser, "put", f"/uploads/{name}?offset=0", b"x").status_code == 404


@pytest.mark.parametrize("query", ["", "?size=", "?size=-1", "?size=1e9", "?size=" + "9" * 40])
def test_a_size_that_is_none_is_refused(browser: Client, query: str) -> None:
    assert call(browser, "post", f"/uploads{query}").status_code == 422
