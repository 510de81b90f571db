"""The same POST twice: once done, twice answered."""

import threading
from typing import Any

import pytest
from django.db import connection

from models_app.domain.states import Role
from models_app.models import ApiToken, Chat, Host, IdempotencyKey
from tests.controlplane.api.callers import Caller, caller_of
from tests.factories import make_user

HOST = {"name": "attic"}


def test_a_repeated_post_gets_the_first_answer(admin: Caller) -> None:
    first = admin.post("/hosts", HOST, Idempotency_Key="k1")
    again = admin.post("/hosts", HOST, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert Host.objects.count() == 1


def test_another_request_with_the_key_is_refused(admin: Caller) -> None:
    admin.post("/hosts", HOST, Idempotency_Key="k1")
    for path, body in (("/hosts", {"name": "shed"}), ("/chats", HOST)):
        response = admin.post(path, body, Idempotency_Key="k1")
        assert (response.status_code, response.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    assert Host.objects.count() == 1


def test_a_refused_request_may_be_mended_under_the_same_key(admin: Caller) -> None:
    assert admin.post("/hosts", {"name": "NO"}, Idempotency_Key="k1").status_code == 422
    assert not IdempotencyKey.objects.exists()
    assert admin.post("/hosts", HOST, Idempotency_Key="k1").status_code == 201


def test_a_crash_in_the_middle_leaves_neither_work_nor_key(
    admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("controlplane.api.routers.hosts._read", crash)
        assert admin.post("/hosts", HOST, Idempotency_Key="k1").status_code == 500
    assert not Host.objects.exists()
    assert admin.post("/hosts", HOST, Idempotency_Key="k1").status_code == 201


def test_a_secret_is_neither_stored_nor_sent_again(viewer: Caller) -> None:
    body = {"name": "t", "scopes": ["read"]}
    token = viewer.post("/tokens", body, Idempotency_Key="k1").json()["token"]
    assert token.split("_", 2)[2] not in str(list(IdempotencyKey.objects.values()))
    response = viewer.post("/tokens", body, Idempotency_Key="k1")
    assert (response.status_code, response.json()["code"]) == (409, "SECRET_SHOWN_ONCE")
    assert ApiToken.objects.filter(name="t").count() == 1


def test_keys_of_different_people_do_not_meet(admin: Caller, viewer: Caller) -> None:
    body = {"title": "t", "content": {}}
    assert admin.post("/chats", body, Idempotency_Key="k").status_code == 201
    assert viewer.post("/chats", body, Idempotency_Key="k").status_code == 201
    assert Chat.objects.count() == 2


def test_a_stranger_with_a_key_is_a_stranger(admin: Caller) -> None:
    response = admin.client.post("/api/v1/hosts", headers={"Idempotency-Key": "k"})
    assert response.status_code == 401


def test_a_malformed_key_is_refused(admin: Caller) -> None:
    response = admin.post("/hosts", HOST, Idempotency_Key="x" * 101)
    assert (response.status_code, response.json()["code"]) == (422, "IDEMPOTENCY_KEY_INVALID")


@pytest.mark.django_db(transaction=True)
def test_sent_ten_times_at_once_it_is_done_once() -> None:
    admin = caller_of(make_user("root", Role.ADMIN))
    barrier = threading.Barrier(10)
    answers: list[Any] = []

    def send() -> None:
        barrier.wait()
        try:
            answers.append(admin.post("/hosts", HOST, Idempotency_Key="k1"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [a.status_code for a in answers] == [201] * 10
    assert len({a.content for a in answers}) == 1
    assert Host.objects.count() == 1
