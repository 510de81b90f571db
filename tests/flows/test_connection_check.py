"""The button "Test the connection", against real Docker engines and a real Ollama server.

The form is posted, the hands carry the test out, and the fragment that the form shows is read.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client

from controlplane.fragments.host_checks import check_context
from models_app.models import Host, Operation, User
from models_app.services.hosts import host_add
from tests.controlplane.web.posting import post
from tests.docker_doors import PLAIN_PORT, TLS_PORT, authority, issue
from tests.docker_engine import DockerEngine, new_engine
from tests.docker_images import BUSYBOX
from tests.factories import actor_of
from tests.guarded_server import GuardedServer
from tests.ollama_server import OllamaHouse
from tests.relay import Relay
from tests.requirements import need
from tests.runtime_sites import reached_by
from workers.reconcilers.operations import reconcile_operation
from workers.runtimes.docker import runtime as docker_runtime

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
FORM_NAMES = {"tls": {"private_key": "tls_key"}, "ssh": {"private_key": "ssh_key"}, "unix": {}}
TOKEN = "CANARY-open-sesame"
PUBLIC = "7.7.7.7"  # nobody on this machine asks it for anything


def told_by(browser: Client, runtime: str, fields: Mapping[str, Any], host: str = "") -> str:
    """Press the button; return the words that the form shows then."""
    named = {"runtime": runtime, **({"host": host} if host else {}), **fields}
    answer = post(browser, "/new/host/test", named, htmx=True).content.decode()
    assert "Connecting" in answer, answer
    check = Operation.objects.latest("pk")
    reconcile_operation(check.pk)
    check.refresh_from_db()
    html = render_to_string("hosts/_check.html", check_context(check))
    assert TOKEN not in html
    assert "PRIVATE KEY" not in html
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def docker_fields(engine: DockerEngine, door: str, **secret: str) -> dict[str, Any]:
    """Return what a person types to reach an engine."""
    connection, own = reached_by(engine, door)
    names = FORM_NAMES[door]
    return connection | {names.get(key, key): text for key, text in (own | secret).items()}


@pytest.fixture
def machine(docker_machine: DockerEngine) -> DockerEngine:
    docker_machine.load(BUSYBOX)
    return docker_machine


# --- what is there -----------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["tls", "ssh"])
def test_a_docker_engine_elsewhere_says_what_it_is_and_who(
    alice_browser: Client, machine: DockerEngine, door: str
) -> None:
    told = told_by(alice_browser, "docker", docker_fields(machine, door))
    assert_is_docker(told, machine)
    assert "live-restore is off" in told
    assert "Compare it on the host" in told
    if door == "ssh":
        assert machine.ssh
        words = ["ssh-keygen", "-lf", "-"]
        key = machine.ssh.host_key_line
        shown = subprocess.run(words, input=key, capture_output=True, text=True, check=True)
        assert shown.stdout.split()[1] in told


def test_a_docker_engine_of_this_machine_says_what_it_is(
    alice_browser: Client, docker_engine: DockerEngine
) -> None:
    docker_engine.load(BUSYBOX)
    told = told_by(alice_browser, "docker", docker_fields(docker_engine, "unix"))
    assert_is_docker(told, docker_engine)
    assert "Compare it on the host" not in told


def test_a_machine_that_is_only_tested_is_left_as_it_was(alice_browser: Client) -> None:
    need("docker")
    with new_engine() as engine:
        engine.load(BUSYBOX)
        told = told_by(alice_browser, "docker", docker_fields(engine, "unix"))
        assert_is_docker(told, engine)
        assert engine.docker("ps", "-aq") == ""
        assert engine.docker("volume", "ls", "-q") == ""


def assert_is_docker(told: str, engine: DockerEngine) -> None:
    assert "It answers." in told
    version = engine.docker("version", "-f", "{{.Server.Version}}")
    cores, memory = engine.docker("info", "-f", "{{.NCPU}} {{.MemTotal}}").split()
    assert f"Runtime {version}" in told
    assert f"\N{MULTIPLICATION SIGN} {cores} " in told
    assert f"Memory {round(int(memory) / (1 << 30), 1):g}" in told
    assert " free" in told
    assert "Accelerator none" in told


def test_an_engine_that_is_open_to_all_is_warned_of(
    alice_browser: Client,
) -> None:
    need("docker")
    with new_engine(machine=True, plain=True, live_restore=True) as engine:
        engine.load(BUSYBOX)
        with Relay((engine.address, PLAIN_PORT)) as relay:
            fields = {"transport": "tcp", "address": relay.address, "plain": "on"}
            told = told_by(alice_browser, "docker", fields)
    assert "It answers." in told
    assert "Port 2375 answers without TLS" in told
    assert "Docker is spoken to without TLS" in told
    assert "live-restore" not in told


# --- what is wrong with a Docker engine --------------------------------------------------------


def test_nothing_listens_or_nothing_answers(alice_browser: Client, machine: DockerEngine) -> None:
    fields = docker_fields(machine, "tls")
    nobody = told_by(alice_browser, "docker", fields | {"address": f"{machine.address}:2377"})
    assert "refuses the connection" in nobody
    drop = ["iptables", "-A", "INPUT", "-p", "tcp", "--dport", "2398", "-j", "DROP"]
    subprocess.run(machine.network.inside(drop), check=True)
    silent = told_by(alice_browser, "docker", fields | {"address": f"{machine.address}:2398"})
    assert "does not answer in time" in silent
    with Relay() as relay:  # it takes the connection, and says no word
        mute = told_by(alice_browser, "docker", fields | {"address": relay.address})
    assert "does not answer in time" in mute


def test_a_certificate_is_not_for_that_name_or_of_that_authority(
    alice_browser: Client, machine: DockerEngine
) -> None:
    fields = docker_fields(machine, "tls")
    with Relay((machine.address, TLS_PORT)) as relay:
        named = told_by(alice_browser, "docker", fields | {"address": relay.address})
    assert "for another name" in named or "not for the name" in named
    stranger = authority("somebody")
    unsigned = told_by(alice_browser, "docker", fields | {"ca": stranger.certificate_pem})
    assert "not signed by" in unsigned
    other = issue(stranger, "slipway", is_server=False)
    pair = {"certificate": other.certificate_pem, "tls_key": other.key_pem}
    assert "does not accept Slipway's certificate" in told_by(
        alice_browser, "docker", fields | pair
    )


def test_a_key_is_not_let_in_or_may_not_open_the_socket(
    alice_browser: Client, machine: DockerEngine
) -> None:
    assert machine.ssh
    fields = docker_fields(machine, "ssh")
    stranger = new_ssh_key()
    assert "does not accept the key" in told_by(
        alice_browser, "docker", fields | {"ssh_key": stranger}
    )
    powerless = {"ssh_key": machine.ssh.powerless_secret()["private_key"]}
    denied = told_by(alice_browser, "docker", fields | powerless)
    assert "Permission denied on the socket" in denied
    assert "usually docker" in denied
    gone = told_by(alice_browser, "docker", fields | {"path": "/run/nowhere.sock"})
    assert "socket" in gone
    assert "It answers" not in gone


def new_ssh_key() -> str:
    """Return a key that no host knows."""
    from cryptography.hazmat.primitives.asymmetric import ed25519

    from tests.docker_doors import _ssh_pem

    return _ssh_pem(ed25519.Ed25519PrivateKey.generate())


def test_an_engine_that_is_older_than_what_is_needed(
    alice_browser: Client, machine: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken = machine.docker("version", "-f", "{{.Server.APIVersion}}")
    monkeypatch.setattr(docker_runtime, "API", "1.99")  # there is no older engine to be had
    monkeypatch.setattr(docker_runtime, "_apis", {})
    told = told_by(alice_browser, "docker", docker_fields(machine, "tls"))
    assert f"Version {spoken} is too old; 1.99 is needed" in told


@pytest.mark.parametrize("door", ["tls", "ssh"])
def test_another_identity_than_the_one_it_was_added_with_stops_it(
    alice: User, alice_browser: Client, machine: DockerEngine, door: str
) -> None:
    connection, secret = reached_by(machine, door)
    pinned = {
        "tls": {"certificate_sha256": "ab" * 32},
        "ssh": {"ssh_host_key": f"ssh-ed25519 {new_ssh_public()}"},
    }[door]
    host_add(
        actor_of(alice), name="box", runtime="docker", connection=connection,
        secret=secret, identity=pinned,
    )  # fmt: skip
    told = told_by(alice_browser, "docker", docker_fields(machine, door), host="box")
    assert "shows another identity than the one it was added with" in told
    assert Host.objects.get(name="box").identity == pinned


def new_ssh_public() -> str:
    """Return another host's public key."""
    from tests.credentials import ssh_host_key

    return ssh_host_key().split()[1]


def test_what_answers_is_something_else(
    alice_browser: Client, machine: DockerEngine, tmp_path: Path
) -> None:
    with OllamaHouse(tmp_path / "ollama") as ollama:
        where = {"transport": "tcp", "address": ollama.url.removeprefix("http://"), "plain": "on"}
        assert "not a Docker engine" in told_by(alice_browser, "docker", where)
    with new_engine(machine=True, plain=True) as engine, Relay((engine.address, PLAIN_PORT)) as way:
        told = told_by(alice_browser, "ollama", {"url": f"http://{way.address}"})
    assert "not an Ollama server" in told


# --- Ollama ------------------------------------------------------------------------------------


@pytest.fixture
def ollama(tmp_path: Path) -> Iterator[OllamaHouse]:
    with OllamaHouse(tmp_path / "ollama") as made:
        yield made


def test_an_ollama_server_says_what_it_is(alice_browser: Client, ollama: OllamaHouse) -> None:
    told = told_by(alice_browser, "ollama", {"url": ollama.url})
    assert "It answers." in told
    assert "Runtime 0.17.4" in told
    assert "Memory not known" in told
    assert "Accelerator not known" in told
    assert "public address" not in told


def test_an_ollama_server_behind_tls_and_a_credential(
    alice: User, alice_browser: Client, ollama: OllamaHouse, tmp_path: Path
) -> None:
    with GuardedServer(tmp_path / "guard", ollama.url, f"Bearer {TOKEN}") as guard:
        told = told_by(alice_browser, "ollama", {"url": guard.url, "bearer": TOKEN})
        assert "It answers." in told
        assert "Compare it on the host" in told
        assert guard.refused == 1  # asked once without the credential: is it needed at all?
        assert "without the credential" not in told
        wrong = told_by(alice_browser, "ollama", {"url": guard.url, "bearer": "not this one"})
        assert "does not accept the credential (status 401)" in wrong
        plain = {"url": guard.url.replace("https:", "http:")}
        assert "It answers" not in told_by(alice_browser, "ollama", plain)
        host_add(
            actor_of(alice), name="lan", runtime="ollama", connection={"url": guard.url},
            secret={"bearer": TOKEN}, identity={"certificate_sha256": "ab" * 32},
        )  # fmt: skip
        passed = guard.passed
        changed = told_by(alice_browser, "ollama", {"url": guard.url}, host="lan")
        assert "shows another identity" in changed
        assert guard.passed == passed  # the token was not sent to whoever answers now
    encrypted = {"url": ollama.url.replace("http:", "https:")}
    assert "No encrypted connection" in told_by(alice_browser, "ollama", encrypted)


def test_an_ollama_server_that_is_not_there(alice_browser: Client, ollama: OllamaHouse) -> None:
    ollama.kill()
    assert "refuses the connection" in told_by(alice_browser, "ollama", {"url": ollama.url})
    with Relay() as relay:
        silent = told_by(alice_browser, "ollama", {"url": f"http://{relay.address}"})
    assert "does not answer in time" in silent


@contextmanager
def public_address() -> Iterator[str]:
    """Give this machine a public address for a while."""
    need("docker")  # the right to do so, and the command
    own = ["ip", "address", "add", f"{PUBLIC}/32", "dev", "lo"]
    subprocess.run(own, check=False, capture_output=True)
    try:
        yield PUBLIC
    finally:
        subprocess.run([*own[:2], "del", *own[3:]], check=False, capture_output=True)


def test_a_credential_that_the_server_does_not_ask_for_is_warned_of(
    alice_browser: Client, ollama: OllamaHouse
) -> None:
    told = told_by(alice_browser, "ollama", {"url": ollama.url, "bearer": TOKEN})
    assert "It also answers without the credential" in told
    assert "without the credential" not in told_by(alice_browser, "ollama", {"url": ollama.url})


def test_an_ollama_server_that_answers_from_a_public_address_is_warned_of(
    alice_browser: Client, tmp_path: Path
) -> None:
    with public_address() as address:
        house = OllamaHouse(tmp_path / "public", address=address)
        with house:
            told = told_by(alice_browser, "ollama", {"url": house.url})
    assert "It answers." in told
    assert "It answers from a public address" in told
