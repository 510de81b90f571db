"""Opens the sockets: unix, loopback TCP, and TLS that is always verified both ways.

A certificate that differs from the pinned one is refused before a request is sent.
"""

import hashlib
import os
import select
import socket
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from models_app.domain.connections import DockerConnection, Transport
from models_app.domain.failures import FailureCode, fail
from models_app.domain.identities import CERTIFICATE, check_identity
from workers.runtimes.docker.ssh import SshDoor
from workers.runtimes.docker.tcp import connect_tcp
from workers.runtimes.docker.transport import Dial

WELCOME_MS = 500


class Door:
    """How one host is reached. `identity` is what it showed; empty before the first call."""

    def __init__(
        self, connection: DockerConnection, secret: Mapping[str, str], pinned: Mapping[str, str]
    ) -> None:
        self.connection = connection
        self.pinned = pinned
        self.identity: Mapping[str, str] = {}
        self._secret = secret
        self._context: ssl.SSLContext | None = None

    def dial(self) -> Dial:
        """Return what opens one connection."""
        if self.connection.transport == Transport.UNIX:
            return self._unix
        if self.connection.transport == Transport.SSH:
            return self._ssh
        return self._plain if self.connection.plain else self._tls

    def _unix(self, seconds: float) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(seconds)
        try:
            made.connect(self.connection.path)
        except OSError:
            made.close()
            raise
        return made

    def _plain(self, seconds: float) -> socket.socket:
        return connect_tcp(self.connection, seconds)

    def _ssh(self, seconds: float) -> Any:
        door = SshDoor(self.connection, self._secret, self.pinned)
        channel = door.open(seconds)
        self.identity = door.identity
        return channel

    def _tls(self, seconds: float) -> ssl.SSLSocket:
        if self._context is None:
            self._context = tls_context(self._secret)
        target = self.connection.target
        raw = connect_tcp(self.connection, seconds)
        try:
            made = self._context.wrap_socket(raw, server_hostname=target.host if target else "")
        except Exception:
            raw.close()
            raise
        try:
            shown = hashlib.sha256(made.getpeercert(binary_form=True) or b"").hexdigest()
            self.identity = {CERTIFICATE: shown}
            check_identity(self.pinned, self.identity)
            _wait_for_welcome(made, seconds)
        except Exception:
            made.close()
            raise
        return made


def _wait_for_welcome(made: ssl.SSLSocket, seconds: float) -> None:
    """Raise the server's alert if it does not like our certificate.

    In TLS 1.3 it says so only after our side of the handshake; a request sent meanwhile would end
    as a broken pipe, and nobody would know why.
    """
    poll = select.poll()
    poll.register(made, select.POLLIN)
    if made.version() != "TLSv1.3" or not poll.poll(WELCOME_MS):
        return
    made.settimeout(0.0)
    with suppress(ssl.SSLWantReadError):
        made.recv(1)  # there is nothing to receive yet but an alert
    made.settimeout(seconds)


def tls_context(secret: Mapping[str, str]) -> ssl.SSLContext:
    """Return a context that trusts the host's own authority alone, and shows our certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies chain and name, and stays so
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cadata=secret.get("ca", ""))
        with _as_file(secret.get("certificate", "") + "\n" + secret.get("private_key", "")) as path:
            context.load_cert_chain(path)
    except (ssl.SSLError, ValueError, OSError) as error:
        raise fail(FailureCode.CREDENTIAL_REFUSED, evidence=(str(error),)) from error
    return context


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """Give a key to a library that reads files only, without a disk seeing it where that can be."""
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("key", os.MFD_CLOEXEC)
        try:
            os.write(number, text.encode())
            yield f"/proc/self/fd/{number}"
        finally:
            os.close(number)
        return
    with tempfile.TemporaryDirectory() as folder:  # made 0700
        path = Path(folder) / "key"
        path.touch(mode=0o600)
        path.write_text(text)
        yield str(path)
        with suppress(OSError):
            path.unlink()
