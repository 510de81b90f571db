"""Testing a connection: carried by the hands, told with a code, and its secret does not stay."""

import socket
from typing import Any

import pytest

from models_app.domain.errors import ConflictError, InvalidError, NotAllowedError
from models_app.domain.failures import FailureCode, RuntimeUnreachableError, fail
from models_app.domain.specs import HostFacts, HostUsage
from models_app.domain.states import OperationState
from models_app.models import AuditEntry, Event, Host, Operation, User
from models_app.services.host_checks import (
    CHECK_LIFE,
    check_secrets_forget,
    check_spend,
    checked_reach,
    host_check_begin,
)
from models_app.services.operations import operation_retry
from models_app.services.sealing import unseal
from tests.credentials import ssh_host_key
from tests.factories import actor_of, host_facts, host_usage
from workers.reconcilers.operations import checking, reconcile_operation

pytestmark = pytest.mark.django_db

HTTPS = {"url": "https://127.0.0.1:11999"}
SECRET = {"bearer": "CANARY-7f3a"}


class Machine:
    """Stands for any runtime that answers: what a check makes of an answer is tested here."""

    def __init__(self, **facts: Any) -> None:
        self._facts = HostFacts(**host_facts(**facts))

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def facts(self) -> HostFacts:
        return self._facts

    def usage(self) -> HostUsage:
        return HostUsage(**host_usage())


def opening(monkeypatch: pytest.MonkeyPatch, answer: Machine | Exception) -> list[dict[str, Any]]:
    """Have every runtime answer like this; return what they were opened with."""
    opened: list[dict[str, Any]] = []

    def open_reached(runtime: str, **parts: Any) -> Machine:
        opened.append({"runtime": runtime, **parts})
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(checking, "open_reached", open_reached)
    return opened


def begin(user: User, **parts: Any) -> Operation:
    asked = {"runtime": "ollama", "connection": HTTPS, "secret": SECRET, **parts}
    return host_check_begin(actor_of(user), **asked)


def done(operation: Operation) -> Operation:
    reconcile_operation(operation.pk)
    operation.refresh_from_db()
    return operation


def test_this_machine_answers_for_itself(alice: User) -> None:
    check = done(begin(alice, runtime="process", connection={}, secret={}))
    assert check.state == OperationState.SUCCEEDED
    assert check.result["facts"]["memory_total_bytes"] > 0
    assert check.result["usage"]["disk_free_bytes"] > 0
    assert check.result["identity"] == {}


def test_what_answers_is_told_with_its_identity_and_warnings(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ssh_host_key()
    machine = Machine(identity={"ssh_host_key": key}, warnings=("LIVE_RESTORE_OFF",))
    opened = opening(monkeypatch, machine)
    check = done(begin(alice))
    assert opened[0]["secret"] == SECRET
    assert check.result["fingerprint"].startswith("SHA256:")
    assert check.result["warnings"] == ["LIVE_RESTORE_OFF"]
    reach = checked_reach(actor_of(alice), check, trusted=check.result["fingerprint"])
    assert reach == {
        "runtime": "ollama",
        "connection": HTTPS,
        "secret": SECRET,
        "identity": {"ssh_host_key": key},
    }
    check_spend(check)
    check.refresh_from_db()
    assert check.secret == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeUnreachableError("no", FailureCode.CONNECTION_REFUSED), "CONNECTION_REFUSED"),
        (RuntimeUnreachableError("silent"), "HOST_UNREACHABLE"),
        (fail(FailureCode.TLS_NAME, name="x"), "TLS_NAME"),
        (KeyError("a fault of ours"), "INTERNAL"),
    ],
)
def test_what_is_wrong_is_told_at_once_and_the_secret_goes(
    alice: User, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    opened = opening(monkeypatch, error)
    check = done(begin(alice))
    assert (check.state, check.failure_code) == (OperationState.FAILED, code)
    assert check.secret == ""
    assert len(opened) == 1
    with pytest.raises(ConflictError) as caught:
        operation_retry(actor_of(alice), check)
    assert caught.value.code == "CHECK_ANEW"
    with pytest.raises(ConflictError):
        checked_reach(actor_of(alice), check, trusted="")


def test_a_check_serves_its_owner_once_confirmed_and_not_for_ever(
    alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening(monkeypatch, Machine(identity={"certificate_sha256": "ab" * 32}))
    check = done(begin(alice))
    shown = check.result["fingerprint"]
    for user, trusted, code in (
        (alice, "", "IDENTITY_NOT_CONFIRMED"),
        (bob, shown, "CHECK_UNUSABLE"),
    ):
        with pytest.raises(ConflictError) as caught:
            checked_reach(actor_of(user), check, trusted=trusted)
        assert caught.value.code == code
    assert check.finished_at
    check.finished_at -= CHECK_LIFE
    with pytest.raises(ConflictError) as caught:
        checked_reach(actor_of(alice), check, trusted=shown)
    assert caught.value.code == "CHECK_UNUSABLE"


def test_a_secret_that_nobody_came_back_for_is_forgotten(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening(monkeypatch, Machine())
    check = done(begin(alice))
    check_secrets_forget()
    check.refresh_from_db()
    assert unseal(check, "secret") == SECRET
    Operation.objects.filter(pk=check.pk).update(created_at=check.created_at - CHECK_LIFE)
    check_secrets_forget()
    check.refresh_from_db()
    assert check.secret == ""


def test_a_host_that_exists_is_tested_with_its_own_secret_and_identity(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models_app.services.hosts import host_add

    pinned = {"certificate_sha256": "ab" * 32}
    host = host_add(
        actor_of(alice),
        name="shop",
        runtime="ollama",
        connection=HTTPS,
        secret=SECRET,
        identity=pinned,
    )
    opened = opening(monkeypatch, Machine(identity={"certificate_sha256": "cd" * 32}))
    check = done(begin(alice, secret={}, host=host))
    assert (opened[0]["secret"], opened[0]["identity"]) == (SECRET, pinned)
    assert check.failure_code == "IDENTITY_CHANGED"
    with pytest.raises(InvalidError) as caught:
        begin(alice, secret={}, host=host, connection={"url": "https://127.0.0.1:1"})
    assert caught.value.fields == {"secret": "SECRET_ASKED_AGAIN"}


def test_only_an_admin_may_try_and_nothing_is_kept_of_what_cannot_be(
    alice: User, bob: User
) -> None:
    with pytest.raises(NotAllowedError):
        begin(bob)
    with pytest.raises(InvalidError):
        begin(alice, connection={"url": "http://169.254.169.254/"})
    assert not Operation.objects.exists()


def test_no_packet_leaves_for_an_address_that_is_refused(alice: User) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        for host in (f"ok.lan@127.0.0.1:{port}", f"0x7f000001:{port}", f"[::ffff:0.0.0.0]:{port}"):
            with pytest.raises(InvalidError):
                begin(alice, connection={"url": f"http://{host}"}, secret={})
        with pytest.raises(TimeoutError):
            listener.accept()


def test_the_secret_is_nowhere_to_be_read(
    alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opening(monkeypatch, KeyError("a fault of ours"))
    check = done(begin(alice))
    rows = [*Operation.objects.values(), *Event.objects.values(), *AuditEntry.objects.values()]
    assert "CANARY" not in str(rows)
    assert "CANARY" not in caplog.text
    assert "CANARY" not in str(check.result)
    assert not Host.objects.exists()
