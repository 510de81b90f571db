"""Bad input: each a 4xx in the one shape, with nothing half-made left behind."""

from typing import Any

import pytest
from django.test import Client

from models_app.domain.errors import UnavailableError
from models_app.models import AuditEntry, Deployment, Host, LanguageModel, Operation
from tests.controlplane.api.callers import BASE, Caller
from tests.factories import make_artifact, make_engine

SHAPE = {"code", "detail", "fields", "request_id", "remedy"}
BAD_BODIES: tuple[tuple[bytes, int, str], ...] = (
    (b"{", 400, "MALFORMED_BODY"),
    (b"\xff\xfe", 400, "MALFORMED_BODY"),
    (b'{"name": NaN}', 400, "MALFORMED_BODY"),
    (b'{"name": "a\\u0000b"}', 400, "MALFORMED_BODY"),
    (b'{"name": "\\ud800"}', 400, "MALFORMED_BODY"),
    (b"[" * 100_000, 400, "MALFORMED_BODY"),
    (
        b'{"name": "n", "parameters": ' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}",
        400,
        "MALFORMED_BODY",
    ),
    (b'{"name": ' + b"9" * 5000 + b"}", 400, "MALFORMED_BODY"),
    (b"", 422, "INVALID"),
    (b"[]", 422, "INVALID"),
    (b'"text"', 422, "INVALID"),
    (b"null", 422, "INVALID"),
    (b"{}", 422, "INVALID"),
    (b'{"name": "' + b"x" * (2 << 20) + b'"}', 413, "TOO_LARGE"),
)


def told(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    body: dict[str, Any] = response.json()
    assert set(body) == SHAPE
    assert body["code"] == code
    assert body["detail"]
    assert body["request_id"] == response.headers["X-Request-ID"]
    return body


@pytest.mark.parametrize(("content", "status", "code"), BAD_BODIES, ids=lambda v: str(v)[:30])
@pytest.mark.parametrize("path", ["/deployments", "/hosts", "/models", "/users", "/tokens"])
def test_a_body_that_cannot_be_read(
    admin: Caller, path: str, content: bytes, status: int, code: str
) -> None:
    before = AuditEntry.objects.count()
    told(admin.send("POST", path, content), status, code)
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize(
    ("path", "body", "field", "code"),
    [
        ("/hosts", {"name": "attic", "owner": 1}, "owner", "FIELD_UNKNOWN"),
        ("/hosts", {"name": 5}, "name", "WRONG_TYPE"),
        ("/hosts", {"name": "../etc"}, "name", "NAME_INVALID"),
        ("/hosts", {"name": "x" * 49}, "name", "VALUE_OUT_OF_RANGE"),
        ("/hosts", {"name": "UPPER"}, "name", "NAME_INVALID"),
        ("/hosts", {"name": "attic", "runtime": "magic"}, "runtime", "RUNTIME_UNKNOWN"),
        ("/hosts", {"name": "attic", "labels": {"k": 1}}, "labels.k", "WRONG_TYPE"),
        ("/hosts", {"name": "attic", "labels": {"": "v"}}, "labels", "VALUE_INVALID"),
        (
            "/hosts",
            {"name": "attic", "memory_budget_bytes": 10**30},
            "memory_budget_bytes",
            "VALUE_OUT_OF_RANGE",
        ),
        (
            "/hosts",
            {"name": "attic", "memory_budget_bytes": "64"},
            "memory_budget_bytes",
            "WRONG_TYPE",
        ),
        ("/users", {"name": "dora", "role": "root"}, "role", "VALUE_INVALID"),
        (
            "/users",
            {"name": "dora", "role": "viewer", "is_superuser": True},
            "is_superuser",
            "FIELD_UNKNOWN",
        ),
        (
            "/users",
            {"name": "dora", "role": "viewer", "password": "short"},
            "password",
            "PASSWORD_TOO_SHORT",
        ),
        ("/tokens", {"name": "t", "scopes": ["*"]}, "scopes", "SCOPE_UNKNOWN"),
        ("/tokens", {"name": "t", "scopes": "read"}, "scopes", "WRONG_TYPE"),
        ("/tokens", {"name": "t", "scopes": ["read"], "days": True}, "days", "WRONG_TYPE"),
        (
            "/models",
            {"name": "m", "source": "torrent", "reference": {}},
            "source",
            "SOURCE_UNKNOWN",
        ),
        ("/models", {"name": "m", "source": "url"}, "reference", "FIELD_REQUIRED"),
    ],
)
def test_a_field_that_is_wrong_is_named(
    admin: Caller, path: str, body: dict[str, Any], field: str, code: str
) -> None:
    answer = told(admin.post(path, body), 422, admin.post(path, body).json()["code"])
    assert answer["fields"][field]["code"] == code
    assert answer["fields"][field]["detail"]
    assert not Host.objects.exists()
    assert not LanguageModel.objects.exists()
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"parameters": {"context_length": 10**9}}, "parameters.context_length", None),
        ({"parameters": {"context_length": "4096"}}, "parameters.context_length", "VALUE_INVALID"),
        ({"parameters": {"argv": ["--x"]}}, "parameters.argv", "FIELD_UNKNOWN"),
        ({"privileged": True}, "privileged", "FIELD_UNKNOWN"),
        ({"mounts": [{"source": "/"}]}, "mounts", "FIELD_UNKNOWN"),
        ({"replicas": 65}, "replicas", "VALUE_OUT_OF_RANGE"),
        ({"replicas": -1}, "replicas", "VALUE_OUT_OF_RANGE"),
        ({"replicas": "3"}, "replicas", "WRONG_TYPE"),
        ({"replicas": 1.5}, "replicas", "WRONG_TYPE"),
        ({"engine": "magic"}, "engine", "ENGINE_UNKNOWN"),
        ({"placement": {"hosts": ["nowhere"]}}, "placement.hosts", "HOST_UNKNOWN"),
        ({"placement": {"binds": ["/:/h"]}}, "placement.binds", "FIELD_UNKNOWN"),
        ({"placement": {"policy": "random"}}, "placement.policy", "VALUE_INVALID"),
        ({"name": "chat_1"}, "name", "NAME_INVALID"),
    ],
)
def test_a_wish_that_cannot_be_granted_leaves_nothing(
    operator: Caller, change: dict[str, Any], field: str, code: str | None
) -> None:
    make_engine()
    artifact = make_artifact()
    body = {"name": "chat", "artifact": str(artifact.public_id), **change}
    response = operator.post("/deployments", body)
    assert response.status_code == 422
    fields = response.json()["fields"]
    assert field in fields
    assert code in {None, fields[field]["code"]}
    assert not Deployment.objects.exists()
    assert not AuditEntry.objects.filter(action="deployment.create").exists()


@pytest.mark.parametrize(
    "ref", ["../../etc/passwd", "%2e%2e%2fetc", "%00", "x" * 300, "' OR 1=1 --", "1", "ü"]
)
def test_ids_that_are_none(viewer: Caller, ref: str) -> None:
    response = viewer.call("GET", f"/hosts/{ref}")
    assert response.status_code in {400, 404}
    assert set(response.json()) == SHAPE


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "VALUE_OUT_OF_RANGE"),
        ("limit=201", "VALUE_OUT_OF_RANGE"),
        ("limit=x", "WRONG_TYPE"),
        ("state=sleeping", "VALUE_INVALID"),
        ("stat=ready", "FIELD_UNKNOWN"),
        ("cursor=x", "CURSOR_INVALID"),
        ("label=novalue", "VALUE_INVALID"),
    ],
)
def test_queries_are_checked(viewer: Caller, query: str, code: str) -> None:
    response = viewer.call("GET", f"/hosts?{query}")
    assert response.status_code == 422
    assert response.json()["fields"][query.split("=", maxsplit=1)[0]]["code"] == code


def test_addresses_and_methods_that_do_not_exist(viewer: Caller) -> None:
    for path in ("/nothing", "/hosts/", "/hosts/a/b/c", "//hosts", "/deployments/x/revisions/y"):
        told(viewer.call("GET", path), 404, "ROUTE_UNKNOWN")
    told(viewer.client.get("/api/v2/hosts"), 404, "ROUTE_UNKNOWN")
    response = viewer.call("PUT", "/hosts")
    body = told(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["Allow"] == "GET, POST"
    assert "PUT" in body["detail"]
    assert "GET, POST" in body["remedy"]


def test_a_host_header_that_is_not_ours(db: None) -> None:
    response = Client().get(f"{BASE}/hosts", headers={"Host": "evil.test"})
    told(response, 400, "BAD_REQUEST")
    assert b"evil" not in response.content


def test_a_fault_of_ours_tells_nothing_of_itself(
    viewer: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("controlplane.api.routers.hosts.hosts_visible", broken)
    response = viewer.call("GET", "/hosts")
    told(response, 500, "INTERNAL")
    assert b"secret" not in response.content
    assert b"Traceback" not in response.content
    assert "secret detail" in caplog.text


def test_a_part_that_is_away_is_a_503(viewer: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise UnavailableError

    monkeypatch.setattr("controlplane.api.routers.hosts.hosts_visible", away)
    told(viewer.call("GET", "/hosts"), 503, "UNAVAILABLE")


def test_input_is_not_echoed(admin: Caller) -> None:
    for content in (b'{"password": "CANARY-7f3a", ', b'{"name": {"CANARY-7f3a": 1}}'):
        assert b"CANARY" not in admin.send("POST", "/users", content).content
    response = admin.post("/users", {"name": "dora", "role": "viewer", "password": ["CANARY-7f3a"]})
    assert response.status_code == 422
    assert b"CANARY" not in response.content


def test_errors_speak_the_callers_language(viewer: Caller) -> None:
    english = viewer.call("GET", "/hosts/nowhere").json()["detail"]
    italian = viewer.call("GET", "/hosts/nowhere", Accept_Language="it").json()["detail"]
    assert english == "Not found: host “nowhere”."
    assert italian != english


def test_answers_are_not_kept_by_browsers_or_proxies(viewer: Caller) -> None:
    assert viewer.call("GET", "/hosts").headers["Cache-Control"] == "no-store"
