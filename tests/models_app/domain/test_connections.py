"""Connections: one parser for check and use, and nothing that leads where no host may be."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import dictionaries, sampled_from, text

from models_app.domain.addresses import parse_host_port
from models_app.domain.connections import (
    DockerConnection,
    OllamaConnection,
    connection_warnings,
    is_local,
    parse_connection,
    reachable_at,
)
from models_app.domain.errors import InvalidError
from models_app.domain.failures import FailureCode, FailureError, RuntimeUnreachableError
from models_app.domain.host_secrets import check_secret

SOCKET = "/var/run/docker.sock"


@pytest.mark.parametrize(
    ("runtime", "given_", "kept"),
    [
        ("process", {}, {}),
        ("docker", {}, {"transport": "unix", "path": SOCKET}),
        (
            "docker",
            {"transport": "unix", "path": "/run/d.sock", "publish_on": "192.168.1.4"},
            {"transport": "unix", "path": "/run/d.sock", "publish_on": "192.168.1.4"},
        ),
        (
            "docker",
            {"transport": "tcp", "address": "Mini.LAN"},
            {"transport": "tcp", "address": "mini.lan:2376"},
        ),
        (
            "docker",
            {"transport": "tcp", "address": "127.0.0.1:2375", "plain": True},
            {"transport": "tcp", "address": "127.0.0.1:2375", "plain": True},
        ),
        (
            "docker",
            {"transport": "ssh", "address": "[fd00:0::0005]:22", "user": "ops"},
            {"transport": "ssh", "address": "[fd00::5]:22", "user": "ops", "path": SOCKET},
        ),
        (
            "docker",
            {"image_prefix": "registry.lan:5000/mirror", "images": {"llamacpp": "local/ll:dev"}},
            {
                "transport": "unix",
                "path": SOCKET,
                "image_prefix": "registry.lan:5000/mirror/",
                "images": {"llamacpp": "local/ll:dev"},
            },
        ),
        ("ollama", {"url": "http://10.0.0.7:11434/"}, {"url": "http://10.0.0.7:11434"}),
        ("ollama", {"url": "https://ai.lan/ollama/"}, {"url": "https://ai.lan:443/ollama"}),
    ],
)
def test_a_connection_is_kept_in_its_normal_form_and_reads_back_the_same(
    runtime: str, given_: dict[str, Any], kept: dict[str, Any]
) -> None:
    connection = parse_connection(runtime, given_)
    assert connection.stored() == kept
    assert parse_connection(runtime, kept) == connection


TCP = {"transport": "tcp"}


@pytest.mark.parametrize(
    "address",
    [
        "-oProxyCommand=id",
        "-oProxyCommand=id:22",
        "ops@10.0.0.5",
        "10.0.0.5@evil.lan:22",
        "10.0.0.5:0",
        "10.0.0.5:65536",
        "10.0.0.5:99999999",
        "10.0.0.5:22/",
        "tcp://10.0.0.5:2376",
        "10.0.0.5:22\n",
        "10.0.0.5\t:22",
        " 10.0.0.5:22",
        "10.0.0.5;id",
        "a..b",
        "../etc",
        "host-:22",
        "[fe80::1%eth0]:22",
        "fd00::1",
        "[10.0.0.5]:22",
        "0x7f000001",
        "0x7f.1",
        "2130706433",
        "127.1",
        "010.0.0.5",
        "10.0.0.999",
        "ex\u00e4mple.lan",
        "\uff11\uff10.0.0.5",
        "a" * 254,
        "",
        None,
        22,
        ["10.0.0.5"],
    ],
)
def test_what_is_not_a_name_with_a_port_is_invalid(address: object) -> None:
    for given_ in ({**TCP, "address": address}, {"transport": "ssh", "address": address}):
        with pytest.raises(InvalidError) as caught:
            parse_connection("docker", given_)
        assert caught.value.fields == {"address": "ADDRESS_INVALID"}


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.1.1",
        "100.100.100.200",
        "0.0.0.0",  # noqa: S104 - refused here
        "0.1.2.3",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "[fe80::1]",
        "[ff02::1]",
        "[::]",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
    ],
)
def test_no_host_may_be_there(host: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_connection("docker", {**TCP, "address": f"{host}:2376"})
    assert caught.value.fields == {"address": "ADDRESS_FORBIDDEN"}
    with pytest.raises(InvalidError) as caught:
        parse_connection("ollama", {"url": f"http://{host}:11434"})
    assert caught.value.fields == {"url": "ADDRESS_FORBIDDEN"}


@pytest.mark.parametrize("host", ["10.0.0.5", "172.16.3.4", "192.168.1.1", "[fd00::5]", "mini.lan"])
def test_private_networks_are_where_hosts_are(host: str) -> None:
    url = f"http://{host}:11434"
    assert parse_connection("ollama", {"url": url}).stored() == {"url": url}


@pytest.mark.parametrize(
    "url",
    [
        "10.0.0.7:11434",
        "ftp://10.0.0.7/",
        "file:///etc/passwd",
        "unix:///var/run/docker.sock",
        "http://",
        "http://user:pass@10.0.0.7:11434",
        "http://10.0.0.7\\@127.0.0.1/",
        "http://10.0.0.7:11434/?a=b",
        "http://10.0.0.7:11434/#x",
        "http://10.0.0.7:11434/a/../b",
        "http://10.0.0.7:11434//evil",
        "http://10.0.0.7:11434/a b",
        "http://10.0.0.7:11434/%2e%2e/",
        "http://10.0.0.7:11434\r\nHost: x",
        "http://10.0.0.7:99999",
        "http://0x7f000001/",
        "http://0/",
        "http://[fe80::1%25eth0]:11434",
        "http://" + "a" * 400,
        7,
    ],
)
def test_what_is_not_a_servers_address_is_invalid(url: object) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_connection("ollama", {"url": url})
    assert set(caught.value.fields) == {"url"}


@pytest.mark.parametrize(
    ("given_", "field", "code"),
    [
        ({"transport": "npipe"}, "transport", "TRANSPORT_UNKNOWN"),
        ({"path": "../docker.sock"}, "path", "SOCKET_PATH_INVALID"),
        ({"path": "/run/../etc/x"}, "path", "SOCKET_PATH_INVALID"),
        ({"path": "/run/a b"}, "path", "SOCKET_PATH_INVALID"),
        ({"path": "/run/" + "a" * 200}, "path", "SOCKET_PATH_INVALID"),
        ({"privileged": True}, "privileged", "FIELD_UNKNOWN"),
        ({"address": "10.0.0.1:22"}, "address", "FIELD_UNKNOWN"),
        ({**TCP, "address": "10.0.0.5", "plain": True}, "address", "PLAIN_NOT_LOOPBACK"),
        ({**TCP, "address": "mini.lan", "plain": True}, "address", "PLAIN_NOT_LOOPBACK"),
        ({**TCP, "address": "10.0.0.5", "plain": "yes"}, "plain", "VALUE_INVALID"),
        ({"transport": "ssh", "address": "10.0.0.5", "user": "-l"}, "user", "LOGIN_NAME_INVALID"),
        ({"transport": "ssh", "address": "10.0.0.5", "user": "a b"}, "user", "LOGIN_NAME_INVALID"),
        ({"publish_on": "0.0.0.0"}, "publish_on", "PUBLISH_ADDRESS_INVALID"),  # noqa: S104
        ({"publish_on": "8.8.8.8"}, "publish_on", "PUBLISH_ADDRESS_INVALID"),
        ({"publish_on": "mini.lan"}, "publish_on", "PUBLISH_ADDRESS_INVALID"),
        ({"image_prefix": "https://registry.lan/"}, "image_prefix", "IMAGE_PREFIX_INVALID"),
        ({"image_prefix": "registry.lan/../x"}, "image_prefix", "IMAGE_PREFIX_INVALID"),
        ({"images": {"llamacpp": "a b"}}, "images", "IMAGE_INVALID"),
        ({"images": {"../x": "a"}}, "images", "IMAGE_INVALID"),
        ({"images": ["a"]}, "images", "IMAGE_INVALID"),
    ],
)
def test_bad_fields_of_docker_are_named(given_: dict[str, Any], field: str, code: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_connection("docker", given_)
    assert caught.value.fields == {field: code}


def test_a_runtime_that_does_not_exist() -> None:
    with pytest.raises(InvalidError) as caught:
        parse_connection("telnet", {})
    assert caught.value.code == "RUNTIME_UNKNOWN"


@given(dictionaries(sampled_from(["transport", "address", "path", "user", "url"]), text()))
def test_nothing_but_a_connection_or_a_refusal_comes_out(given_: dict[str, str]) -> None:
    for runtime in ("docker", "ollama"):
        with contextlib.suppress(InvalidError):
            parsed = parse_connection(runtime, given_)
            assert parse_connection(runtime, parsed.stored()) == parsed


@given(text(alphabet="0123456789abcdef.x:[]-@%_"))
def test_a_parsed_address_is_written_as_it_is_read(given_: str) -> None:
    with contextlib.suppress(ValueError):
        parsed = parse_host_port(given_, default_port=1)
        assert parse_host_port(str(parsed)) == parsed


def test_a_name_is_resolved_once_and_every_answer_is_checked() -> None:
    connection = parse_connection("ollama", {"url": "http://mini.lan:11434"})

    def answer(*addresses: str) -> Any:
        return lambda _host, _port: list(addresses)

    both = ("10.0.0.7", "fd00::7")
    assert reachable_at(connection, resolver=answer(*both)) == both
    for bad in ("169.254.169.254", "::ffff:169.254.169.254", "fe80::1%eth0", "::"):
        with pytest.raises(FailureError) as caught:
            reachable_at(connection, resolver=answer("10.0.0.7", bad))
        assert caught.value.failure.code == FailureCode.ADDRESS_FORBIDDEN

    def unknown(_host: str, _port: int) -> list[str]:
        raise OSError("no such name")

    with pytest.raises(RuntimeUnreachableError) as lost:
        reachable_at(connection, resolver=unknown)
    assert lost.value.failure(host="x").code == FailureCode.NAME_UNRESOLVED


def test_localhost_that_leads_elsewhere_is_not_this_machine() -> None:
    plain = parse_connection("docker", {**TCP, "address": "localhost:2375", "plain": True})
    assert is_local(plain)
    assert reachable_at(plain, resolver=lambda _h, _p: ["127.0.0.1"]) == ("127.0.0.1",)
    with pytest.raises(FailureError):
        reachable_at(plain, resolver=lambda _h, _p: ["10.0.0.9"])


def test_what_a_person_should_know_of_a_connection() -> None:
    plain = parse_connection("docker", {**TCP, "address": "127.0.0.1:2375", "plain": True})
    assert connection_warnings(plain, ["127.0.0.1"]) == ("DOCKER_WITHOUT_TLS",)
    public = parse_connection("ollama", {"url": "http://93.184.216.34:11434"})
    assert connection_warnings(public, ["93.184.216.34"]) == ("PUBLIC_ADDRESS",)
    assert connection_warnings(public, ["93.184.216.34"], has_secret=True) == ()
    private = parse_connection("ollama", {"url": "http://10.0.0.7:11434"})
    assert connection_warnings(private, ["10.0.0.7"]) == ()


def test_where_ports_are_published_and_which_image_runs() -> None:
    def docker(**given_: Any) -> DockerConnection:
        found = parse_connection("docker", given_)
        assert isinstance(found, DockerConnection)
        return found

    assert docker().publishes_on == "127.0.0.1"
    assert docker(transport="tcp", address="10.0.0.5").publishes_on is None
    assert docker(publish_on="10.0.0.5").publishes_on == "10.0.0.5"
    here = docker(image_prefix="registry.lan/m/", images={"llamacpp": "local/x:1"})
    assert here.image_of("llamacpp", "ghcr.io/a/b:server") == "local/x:1"
    assert here.image_of("ollama", "ollama/ollama:1") == "registry.lan/m/ollama/ollama:1"


DOCKER_TLS = parse_connection("docker", {**TCP, "address": "10.0.0.5:2376"})
SSH = parse_connection("docker", {"transport": "ssh", "address": "10.0.0.5", "user": "ops"})
HTTPS = parse_connection("ollama", {"url": "https://ai.lan"})
HTTP = parse_connection("ollama", {"url": "http://10.0.0.7:11434"})
LOCAL_HTTP = parse_connection("ollama", {"url": "http://127.0.0.1:11434"})


@pytest.mark.parametrize(
    ("connection", "secret", "fields"),
    [
        (DOCKER_TLS, {}, dict.fromkeys(("ca", "certificate", "private_key"), "SECRET_MISSING")),
        (DOCKER_TLS, {"bearer": "x"}, {"bearer": "FIELD_UNKNOWN"}),
        (SSH, {"passphrase": "x"}, {"private_key": "SECRET_MISSING"}),
        (SSH, {"private_key": 7}, {"private_key": "SECRET_UNUSABLE"}),
        (SSH, {"private_key": "x" * 100_000}, {"private_key": "SECRET_UNUSABLE"}),
        (HTTP, {"bearer": "x"}, {"bearer": "SECRET_NEEDS_TLS"}),
        (HTTPS, {"bearer": "x\r\nHost: y"}, {"bearer": "SECRET_UNUSABLE"}),
        (HTTPS, {"username": "a:b", "password": "x"}, {"username": "SECRET_UNUSABLE"}),
        (HTTPS, {"username": "a"}, {"password": "SECRET_MISSING"}),
        (
            HTTPS,
            {"bearer": "x", "username": "a", "password": "b"},
            {"bearer": "SECRET_EITHER_OR"},
        ),
    ],
)
def test_secrets_that_cannot_be(connection: Any, secret: dict[str, Any], fields: object) -> None:
    with pytest.raises(InvalidError) as caught:
        check_secret(connection, secret)
    assert caught.value.fields == fields
    assert not caught.value.params  # never a value


def test_secrets_that_can_be() -> None:
    assert check_secret(HTTPS, {"bearer": "x", "username": ""}) == {"bearer": "x"}
    assert check_secret(HTTP, {}) == {}
    assert check_secret(LOCAL_HTTP, {"bearer": "x"}) == {"bearer": "x"}
    assert isinstance(HTTPS, OllamaConnection)
