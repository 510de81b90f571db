"""Secrets at rest: bound to their row, readable under every key of the ring, rotated online."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from models_app.domain.failures import FailureCode, FailureError
from models_app.domain.key_ring import Key, new_ring, parse_ring
from models_app.models import Host
from models_app.services.sealing import read_ring, seal, unseal
from tests.factories import make_host

pytestmark = pytest.mark.django_db

SECRET = {"bearer": "CANARY-7f3a"}


@pytest.fixture(autouse=True)
def ring(settings: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "key_ring"
    path.write_text(new_ring())
    settings.KEY_RING = path
    return path


def sealed_host(**fields: Any) -> Host:
    host = make_host(**fields)
    host.secret = seal(host, "secret", SECRET)
    host.save()
    return host


def refused(host: Host) -> FailureCode:
    with pytest.raises(FailureError) as caught:
        unseal(host, "secret")
    assert "CANARY" not in repr(caught.value)
    return caught.value.failure.code


def test_a_secret_comes_back_and_is_not_readable_on_the_way() -> None:
    host = sealed_host()
    assert "CANARY" not in host.secret
    assert host.secret != seal(host, "secret", SECRET)  # a nonce of its own each time
    assert unseal(Host.objects.get(pk=host.pk), "secret") == SECRET
    assert seal(host, "secret", {}) == ""
    assert unseal(make_host(), "secret") == {}


def test_a_secret_opens_in_its_own_row_only() -> None:
    one, other = sealed_host(), sealed_host()
    one.secret, other.secret = other.secret, one.secret
    assert refused(one) == refused(other) == FailureCode.SECRET_UNREADABLE


@pytest.mark.parametrize("spoil", [lambda s: s[:-8], lambda s: s[:12] + "AAAA" + s[16:], str.lower])
def test_a_spoiled_secret_is_refused(spoil: Any) -> None:
    host = sealed_host()
    host.secret = spoil(host.secret)
    assert refused(host) == FailureCode.SECRET_UNREADABLE


def test_a_lost_ring_is_told(ring: Path) -> None:
    host = sealed_host()
    ring.write_text(new_ring())
    assert refused(host) == FailureCode.SECRET_UNREADABLE


def test_rotation_seals_all_anew_and_retires_later(ring: Path) -> None:
    hosts = [sealed_host() for _ in range(3)]
    old = read_ring()[0]
    call_command("rotate_keys")
    assert [key.id for key in read_ring()][1:] == [old.id]
    assert ring.stat().st_mode & 0o777 == 0o600
    for host in hosts:
        assert unseal(host, "secret") == SECRET  # read before, used after: the old key is there
        host.refresh_from_db()
        assert host.secret.startswith(f"{read_ring()[0].id}.")
        assert unseal(host, "secret") == SECRET
    call_command("rotate_keys", retire=True)
    assert [key.id for key in read_ring()] == [read_ring()[0].id]
    assert read_ring()[0].id != old.id
    assert all(unseal(host, "secret") == SECRET for host in hosts)


def test_a_key_that_is_still_needed_is_not_retired(ring: Path) -> None:
    host = sealed_host()
    Host.objects.filter(pk=host.pk).update(secret=host.secret[:-4] + "AAA=")  # cannot be re-sealed
    with pytest.raises(Exception, match="cannot be decrypted"):
        call_command("rotate_keys")
    with pytest.raises(Exception, match="cannot be decrypted"):
        call_command("rotate_keys", retire=True)
    assert len(read_ring()) == 2


def test_keys_do_not_show_themselves() -> None:
    key = parse_ring(new_ring())[0]
    assert repr(key) == f"Key({key.id})"
    assert isinstance(key, Key)


@pytest.mark.parametrize("text", ["", "x", "a:b", "a:" + "A" * 40, ":" + "A" * 43 + "="])
def test_a_ring_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"ring|base64|padd") as caught:
        parse_ring(text)
    assert "AAAA" not in str(caught.value)
