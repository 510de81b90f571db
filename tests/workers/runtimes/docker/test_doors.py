"""Who is let in, and who is not: names, authorities, pinned identities, keys, silence."""

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from models_app.domain.errors import InvalidError
from models_app.domain.failures import FailureCode, FailureError, RuntimeUnreachableError
from models_app.domain.identities import check_identity
from tests.docker_doors import authority, issue
from tests.docker_engine import DockerEngine
from tests.runtime_sites import reached_by
from workers.runtimes.docker.runtime import DockerRuntime

pytestmark = pytest.mark.slow


def enter(
    root: Path,
    connection: Mapping[str, Any],
    secret: Mapping[str, str],
    identity: Mapping[str, str] | None = None,
) -> Mapping[str, str]:
    """Open a runtime, ask something, and return what the host showed of itself."""
    runtime = DockerRuntime(
        connection=connection,
        secret=secret,
        identity=identity or {},
        workloads=root / "workloads",
        models=root / "models",
        instance="doors",
    )
    with runtime:
        runtime.observe("slipway-none-0-r1")
        return dict(runtime._door.identity)


def refused(
    root: Path,
    connection: Mapping[str, Any],
    secret: Mapping[str, str],
    identity: Mapping[str, str] | None = None,
) -> FailureCode:
    with pytest.raises((FailureError, RuntimeUnreachableError)) as told:
        enter(root, connection, secret, identity)
    error = told.value
    return error.failure.code if isinstance(error, FailureError) else error.code


@pytest.mark.parametrize("door", ["tls", "ssh"])
def test_what_a_host_shows_is_pinned_and_another_is_refused(
    docker_machine: DockerEngine, tmp_path: Path, door: str
) -> None:
    connection, secret = reached_by(docker_machine, door)
    shown = enter(tmp_path, connection, secret)
    assert enter(tmp_path, connection, secret, shown) == shown
    other = {name: value[:-4] + "0000" for name, value in shown.items()}
    assert refused(tmp_path, connection, secret, other) == FailureCode.IDENTITY_CHANGED
    with pytest.raises(FailureError):
        check_identity(other, shown)


def test_an_authority_that_is_not_the_hosts_is_refused(
    docker_machine: DockerEngine, tmp_path: Path
) -> None:
    connection, secret = reached_by(docker_machine, "tls")
    stranger = {**secret, "ca": authority("somebody").certificate_pem}
    assert refused(tmp_path, connection, stranger) == FailureCode.TLS_UNTRUSTED


def test_a_client_that_the_host_does_not_know_is_refused(
    docker_machine: DockerEngine, tmp_path: Path
) -> None:
    connection, secret = reached_by(docker_machine, "tls")
    stranger = issue(authority("somebody"), "slipway", is_server=False)
    pair = {"certificate": stranger.certificate_pem, "private_key": stranger.key_pem}
    code = refused(tmp_path, connection, {**secret, **pair})
    assert code == FailureCode.TLS_CLIENT_REFUSED


def test_a_name_that_the_certificate_does_not_bear_is_refused(
    docker_machine: DockerEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, secret = reached_by(docker_machine, "tls")
    from workers.runtimes.docker import tcp

    # The name resolves to the very machine; only its certificate does not bear it.
    monkeypatch.setattr(tcp, "reachable_at", lambda _: (docker_machine.address,))
    named = {**connection, "address": "box.example:2376"}
    assert refused(tmp_path, named, secret) == FailureCode.TLS_NAME


def test_a_key_that_is_not_allowed_is_refused(docker_machine: DockerEngine, tmp_path: Path) -> None:
    connection, secret = reached_by(docker_machine, "ssh")
    assert docker_machine.ssh
    from cryptography.hazmat.primitives.asymmetric import ed25519

    from tests.docker_doors import _ssh_pem

    other = {"private_key": _ssh_pem(ed25519.Ed25519PrivateKey.generate())}
    assert refused(tmp_path, connection, other) == FailureCode.SSH_AUTHENTICATION
    broken = refused(tmp_path, connection, {"private_key": "no key"})
    assert broken == FailureCode.CREDENTIAL_REFUSED
    gone = {**connection, "path": "/run/nowhere.sock"}
    assert refused(tmp_path, gone, secret) == FailureCode.SOCKET_MISSING


def test_a_silent_host_is_unreachable_within_the_time_limit(
    docker_machine: DockerEngine, tmp_path: Path
) -> None:
    connection, secret = reached_by(docker_machine, "tls")
    nobody = {**connection, "address": f"{docker_machine.address}:2377"}
    assert refused(tmp_path, nobody, secret) == FailureCode.CONNECTION_REFUSED
    rule = ["INPUT", "-p", "tcp", "--dport", "2399", "-j", "DROP"]
    command = docker_machine.network.inside(["iptables", "-A", *rule])
    subprocess.run(command, check=True)
    began = time.monotonic()
    silent = {**connection, "address": f"{docker_machine.address}:2399"}
    assert refused(tmp_path, silent, secret) == FailureCode.CONNECTION_TIMEOUT
    assert time.monotonic() - began < 12


def test_a_socket_that_is_not_there_is_told(tmp_path: Path) -> None:
    way = {"transport": "unix", "path": str(tmp_path / "none.sock")}
    assert refused(tmp_path, way, {}) == FailureCode.SOCKET_MISSING


def test_plain_tcp_is_for_loopback_alone(tmp_path: Path) -> None:
    with pytest.raises(InvalidError):
        enter(tmp_path, {"transport": "tcp", "address": "10.0.0.5:2375", "plain": True}, {})


def test_a_key_never_touches_a_disk(
    docker_machine: DockerEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))  # a file there would fail
    for door in ("tls", "ssh"):
        assert enter(tmp_path, *reached_by(docker_machine, door))
