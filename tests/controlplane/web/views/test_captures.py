"""Kept prompts: a page for admins, a banner for everybody, and the same over REST."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from models_app.models import AuditEntry, Capture, CapturedRequest, Deployment, User
from tests.controlplane.api.callers import caller_of
from tests.controlplane.web.posting import post
from tests.factories import make_deployment

pytestmark = pytest.mark.django_db
BANNER = "Prompts and answers are being kept."
ASKED = {"percent": 50, "hours": 2, "keep_days": 3}


def address(name: str = "chat") -> str:
    return reverse("web:deployment-capture", args=[name])


def caught(deployment: Deployment, question: str = "user: <b>Hi</b>") -> None:
    now = timezone.now()
    CapturedRequest.objects.create(
        deployment=deployment, at=now, delete_at=now + timedelta(days=1), caller="abc",
        path="/v1/chat/completions", status="ok", question=question, answer="Hello", redacted=1,
    )  # fmt: skip


def test_everybody_is_told_while_it_runs(alice_browser: Client, charlie_browser: Client) -> None:
    make_deployment("chat")
    pages = [
        *(reverse(f"web:deployment{tab}", args=["chat"]) for tab in ("", "-connect", "-settings")),
        reverse("web:playground"),
    ]
    assert not any(BANNER in charlie_browser.get(page).content.decode() for page in pages)
    assert post(alice_browser, address(), ASKED).status_code == 302
    for browser in (alice_browser, charlie_browser):
        for page in pages:
            html = browser.get(page).content.decode()
            assert BANNER in html, page
            assert "50 %" in html
            assert (address() in html) is (browser is alice_browser)
    assert post(alice_browser, f"{address()}/stop").status_code == 302
    assert not any(BANNER in charlie_browser.get(page).content.decode() for page in pages)


def test_an_admin_reads_and_deletes(alice_browser: Client) -> None:
    deployment = make_deployment("chat")
    caught(deployment)
    html = alice_browser.get(address()).content.decode()
    assert "&lt;b&gt;Hi&lt;/b&gt;" in html
    assert "Hello" in html
    assert AuditEntry.objects.filter(action="capture.read").count() == 1
    post(alice_browser, f"{address()}/delete", {"confirm_name": "other"})
    assert CapturedRequest.objects.count() == 1
    assert post(alice_browser, f"{address()}/delete", {"confirm_name": "chat"}).status_code == 302
    assert CapturedRequest.objects.count() == 0


def test_a_form_with_mistakes_comes_back(alice_browser: Client) -> None:
    make_deployment("chat")
    assert post(alice_browser, address(), {**ASKED, "percent": 0}).status_code == 422
    assert not Capture.objects.exists()


@pytest.mark.parametrize("who", ["bob_browser", "charlie_browser"])
def test_nobody_else_may(request: pytest.FixtureRequest, who: str) -> None:
    browser: Client = request.getfixturevalue(who)
    caught(make_deployment("chat"))
    assert browser.get(address()).status_code == 403
    for path in ("", "/stop", "/delete"):
        answer = post(browser, address() + path, {**ASKED, "confirm_name": "chat"})
        assert answer.status_code == 403
    caller = caller_of(User.objects.get(name=who.removesuffix("_browser")))
    for method, path in (
        ("PUT", "capture"), ("DELETE", "capture"), ("GET", "captured"), ("DELETE", "captured"),
    ):  # fmt: skip
        answer = caller.call(
            method, f"/deployments/chat/{path}", ASKED if method == "PUT" else None
        )
        assert answer.status_code == 403, (method, path)
    assert CapturedRequest.objects.count() == 1


def test_over_rest(alice: User, charlie: User) -> None:
    deployment = make_deployment("chat")
    base = "/deployments/chat"
    admin, viewer = caller_of(alice), caller_of(charlie)
    assert viewer.get(f"{base}/capture")["running"] is False
    assert admin.call("PUT", f"{base}/capture", ASKED).status_code == 200
    seen = viewer.get(f"{base}/capture")
    assert (seen["running"], seen["percent"]) == (True, 50)
    assert admin.call("PUT", f"{base}/capture", {"percent": 0}).status_code == 422
    caught(deployment)
    (item,) = admin.get(f"{base}/captured")["items"]
    assert item["answer"] == "Hello"
    assert admin.call("DELETE", f"{base}/capture").status_code == 204
    assert admin.call("DELETE", f"{base}/captured").status_code == 204
    assert admin.get(f"{base}/captured")["items"] == []
