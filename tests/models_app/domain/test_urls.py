"""The guard against addresses that lead inside, however they are written."""

import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis.strategies import text

from models_app.domain.errors import InvalidError
from models_app.domain.urls import guard_url

PUBLIC = "93.184.216.34"


def answering(*addresses: str) -> object:
    return lambda _host, _port: list(addresses)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://redis:6379/_X",
        "unix:///var/run/docker.sock",
        "//no-scheme",
        "http://",
        "http://user:secret@example.com/",
        "http://ok.example\\@127.0.0.1/",
        "http://ok.example@127.0.0.1/",
        "http://exa mple.com/",
        "http://example.com/\r\nHost: x",
        "http://example.com:99999/",
        "http://example.com/#fragment",
        "http://ex\u00e4mple.com/",
        "http://example.com/" + "a" * 3000,
    ],
)
def test_what_is_not_a_plain_web_address_is_invalid(url: str) -> None:
    with pytest.raises(InvalidError) as caught:
        guard_url(url, resolver=answering(PUBLIC))  # type: ignore[arg-type]
    assert caught.value.code == "URL_INVALID"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",  # noqa: S104 - an address to be refused
        "0.1.2.3",
        "169.254.169.254",
        "169.254.1.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fd00:ec2::254",
        "100.100.100.200",
    ],
)
def test_addresses_that_lead_inside_are_forbidden(address: str) -> None:
    with pytest.raises(InvalidError) as caught:
        guard_url("http://innocent.example/", resolver=answering(address))  # type: ignore[arg-type]
    assert caught.value.code == "URL_FORBIDDEN"


def test_every_address_of_a_name_is_checked() -> None:
    with pytest.raises(InvalidError):
        guard_url("http://x.example/", resolver=answering(PUBLIC, "127.0.0.1"))  # type: ignore[arg-type]


def test_hosts_live_on_private_networks() -> None:
    guarded = guard_url("https://nas.lan/m.gguf?a=1", resolver=answering("192.168.1.5"))  # type: ignore[arg-type]
    assert (guarded.host, guarded.port, guarded.path) == ("nas.lan", 443, "/m.gguf?a=1")
    assert guarded.addresses == ("192.168.1.5",)


def test_an_operator_may_allow_a_network_but_never_the_metadata_service() -> None:
    local = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("169.254.0.0/16")]
    allowed = guard_url("http://localhost:8000/", allow=local, resolver=answering("127.0.0.1"))  # type: ignore[arg-type]
    assert allowed.port == 8000
    with pytest.raises(InvalidError):
        guard_url("http://m.example/", allow=local, resolver=answering("169.254.169.254"))  # type: ignore[arg-type]


@given(text())
def test_no_text_breaks_the_guard(url: str) -> None:
    with contextlib.suppress(InvalidError):
        guarded = guard_url(url, resolver=answering(PUBLIC))  # type: ignore[arg-type]
        assert guarded.scheme in {"http", "https"}


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0", "017700000001", "127.1"])
def test_numbers_that_mean_loopback_are_seen_through(host: str) -> None:
    """Resolved by the system itself, as a connection would."""
    with pytest.raises((InvalidError, OSError)):
        guard_url(f"http://{host}/")
