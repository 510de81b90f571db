"""How hosts are reached: secrets that are kept, never told, and never follow to another address."""

from typing import Any

import pytest

from models_app.domain.errors import ConflictError, InvalidError, NotAllowedError
from models_app.domain.failures import Failure, FailureCode, FailureError
from models_app.domain.identities import check_identity, fingerprint, parse_identity
from models_app.domain.states import HostState
from models_app.models import AuditEntry, Event, Host, User
from models_app.services import hosts as services
from models_app.services.host_connections import host_identity_accept, host_reconnect
from models_app.services.leases import lease_take
from models_app.services.observed.hosts import host_refused
from models_app.services.sealing import unseal
from tests.credentials import client_secret, ssh_host_key, ssh_private_key
from tests.factories import actor_of, make_host

pytestmark = pytest.mark.django_db

TLS = {"transport": "tcp", "address": "10.0.0.5:2376"}
SSH = {"transport": "ssh", "address": "10.0.0.5:22", "user": "ops"}
HTTPS = {"url": "https://ai.lan:443"}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGGGl9Nc6rEzVOgSWfHj8eTBrNTcuLl/y2YeXDQLVHV2"


def add(alice: User, runtime: str, connection: dict[str, Any], **parts: Any) -> Host:
    return services.host_add(
        actor_of(alice), name=f"host-{runtime}", runtime=runtime, connection=connection, **parts
    )


def test_a_secret_is_sealed_and_its_audit_row_says_only_that_it_is_set(alice: User) -> None:
    secret = client_secret()
    host = add(alice, "docker", TLS, secret=secret)
    assert unseal(Host.objects.get(pk=host.pk), "secret") == secret
    entry = AuditEntry.objects.get(action="host.add")
    assert entry.changes["secret"] == [None, "set"]
    assert "PRIVATE KEY" not in str(entry.changes)
    assert "PRIVATE KEY" not in host.secret


@pytest.mark.parametrize(
    ("connection", "change", "fields"),
    [
        (TLS, {"ca": "no"}, {"ca": "CERTIFICATE_INVALID"}),
        (TLS, {"certificate": "no"}, {"certificate": "CERTIFICATE_INVALID"}),
        (TLS, {"private_key": "no"}, {"private_key": "PRIVATE_KEY_INVALID"}),
        (TLS, {"private_key": ""}, {"private_key": "SECRET_MISSING"}),
        (SSH, {"private_key": "no"}, {"private_key": "PRIVATE_KEY_INVALID"}),
    ],
)
def test_keys_that_cannot_work_are_refused(
    alice: User, connection: dict[str, str], change: dict[str, str], fields: object
) -> None:
    whole = client_secret() if connection is TLS else {}
    with pytest.raises(InvalidError) as caught:
        add(alice, "docker", connection, secret={**whole, **change})
    assert caught.value.fields == fields


def test_keys_that_do_not_belong_together_are_refused(alice: User) -> None:
    secret = {**client_secret(), "private_key": client_secret()["private_key"]}
    with pytest.raises(InvalidError) as caught:
        add(alice, "docker", TLS, secret=secret)
    assert caught.value.fields == {"private_key": "PRIVATE_KEY_OTHER"}


def test_an_encrypted_ssh_key_needs_its_passphrase(alice: User) -> None:
    key = ssh_private_key("CANARY")
    with pytest.raises(InvalidError) as caught:
        add(alice, "docker", SSH, secret={"private_key": key})
    assert caught.value.fields == {"passphrase": "PASSPHRASE_NEEDED"}
    host = add(alice, "docker", SSH, secret={"private_key": key, "passphrase": "CANARY"})
    assert unseal(host, "secret")["passphrase"] == "CANARY"


def test_an_edit_keeps_the_secret_unless_replaced(alice: User) -> None:
    host = add(alice, "ollama", HTTPS, secret={"username": "a", "password": "b"})
    actor = actor_of(alice)
    host_reconnect(actor, host, version=None, connection=HTTPS, secret={"password": ""})
    assert unseal(host, "secret") == {"username": "a", "password": "b"}
    host_reconnect(actor, host, version=None, connection=HTTPS, secret={"password": "c"})
    assert unseal(host, "secret") == {"username": "a", "password": "c"}
    host_reconnect(actor, host, version=None, connection=HTTPS, secret={"bearer": "t"})
    assert unseal(host, "secret") == {"bearer": "t"}
    entries = AuditEntry.objects.filter(action="host.reconnect")
    assert [entry.changes for entry in entries] == [{"secret": ["set", "replaced"]}] * 2


def test_a_secret_does_not_follow_to_another_address(alice: User) -> None:
    host = add(
        alice,
        "ollama",
        HTTPS,
        secret={"bearer": "t"},
        identity={"certificate_sha256": "a" * 64},
    )
    elsewhere = {"url": "https://evil.lan:443"}
    with pytest.raises(InvalidError) as caught:
        host_reconnect(actor_of(alice), host, version=None, connection=elsewhere)
    assert caught.value.fields == {"secret": "SECRET_ASKED_AGAIN"}
    host_reconnect(
        actor_of(alice), host, version=None, connection=elsewhere, secret={"bearer": "u"}
    )
    assert (host.connection, host.identity) == (elsewhere, {})
    assert unseal(host, "secret") == {"bearer": "u"}


def test_only_an_admin_says_how_a_host_is_reached(alice: User, bob: User) -> None:
    host = add(alice, "ollama", HTTPS)
    with pytest.raises(NotAllowedError):
        host_reconnect(actor_of(bob), host, version=None, connection=HTTPS)
    with pytest.raises(NotAllowedError):
        host_identity_accept(actor_of(bob), host, shown="x")


def test_another_identity_is_refused_until_an_admin_accepts_what_was_shown(alice: User) -> None:
    pinned, shown = {"ssh_host_key": ssh_host_key()}, {"ssh_host_key": ssh_host_key()}
    check_identity({}, shown)
    check_identity(pinned, dict(pinned))
    for other in (shown, {}, {"certificate_sha256": "a" * 64}):
        with pytest.raises(FailureError) as caught:
            check_identity(pinned, other)
        assert caught.value.failure.code == FailureCode.IDENTITY_CHANGED
    host = make_host(runtime="docker", identity=pinned)
    with pytest.raises(FailureError) as caught:
        check_identity(pinned, shown)
    refuse(host, caught.value.failure)
    host.refresh_from_db()
    assert host.state == HostState.FAILED
    with pytest.raises(ConflictError):
        host_identity_accept(actor_of(alice), host, shown=fingerprint(pinned))
    host_identity_accept(actor_of(alice), host, shown=fingerprint(shown))
    assert (host.identity, host.state, host.failure_code) == (shown, HostState.PENDING, "")
    entry = AuditEntry.objects.get(action="host.identity_accept")
    assert entry.changes == {"identity": [fingerprint(pinned), fingerprint(shown)]}
    assert Event.objects.filter(code="host.identity_accepted").exists()


def refuse(host: Host, failure: Failure) -> None:
    lease = lease_take(Host, host.pk, "test")
    assert lease
    host_refused(lease, host, failure)


def test_fingerprints_read_as_the_tools_print_them() -> None:
    assert fingerprint({"ssh_host_key": KEY}).startswith("SHA256:")
    assert fingerprint({"ssh_host_key": KEY}).endswith("(ssh-ed25519)")
    assert fingerprint({"certificate_sha256": "0aff" * 16}).startswith("0A:FF:0A")
    assert fingerprint({"ssh_host_key": "odd"}) == "SHA256:" + EMPTY + " (odd)"
    assert fingerprint({}) == ""


EMPTY = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"


@pytest.mark.parametrize(
    "given",
    [{"ssh_host_key": "x"}, {"certificate_sha256": "AB"}, {"other": "x"}, {"ssh_host_key": 7}],
)
def test_identities_that_cannot_be(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidError):
        parse_identity(given)
