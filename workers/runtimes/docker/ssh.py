"""Docker over SSH: one connection per host and process, a channel for each request.

The host's key is pinned, and compared before anything of ours is sent. The private key stays in
memory. On the host `docker system dial-stdio` carries the bytes to the socket, as Docker's own
command line does it: the user there needs the right to that socket and nothing else.
"""

import hashlib
import io
import shlex
import threading
import time
from collections.abc import Mapping
from typing import Any

import paramiko

from models_app.domain.connections import DockerConnection
from models_app.domain.failures import (
    FailureCode,
    FailureError,
    RuntimeUnreachableError,
    fail,
)
from models_app.domain.identities import SSH_HOST_KEY, check_identity
from workers.runtimes.docker.tcp import connect_tcp

CHANNELS = 8  # sshd allows 10 sessions on one connection
KEEP_ALIVE_S = 15
_KINDS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


class _Link:
    """One connection, shared by the threads of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.free = threading.BoundedSemaphore(CHANNELS)
        self.transport: paramiko.Transport | None = None
        self.identity: dict[str, str] = {}


_links: dict[str, _Link] = {}
_links_lock = threading.Lock()


class SshDoor:
    """Opens channels to one host's Docker socket."""

    def __init__(
        self, connection: DockerConnection, secret: Mapping[str, str], pinned: Mapping[str, str]
    ) -> None:
        self._connection = connection
        self._secret = secret
        self._pinned = pinned
        key = repr((sorted(connection.stored().items(), key=str), sorted(secret.items())))
        with _links_lock:
            self._link = _links.setdefault(hashlib.sha256(key.encode()).hexdigest(), _Link())

    @property
    def identity(self) -> Mapping[str, str]:
        """What the host showed."""
        return self._link.identity

    def open(self, seconds: float) -> Any:
        """Return a channel, to be used as a socket."""
        if not self._link.free.acquire(timeout=seconds):
            raise RuntimeUnreachableError("every channel is busy", FailureCode.CONNECTION_TIMEOUT)
        try:
            return _Channel(self._session(seconds), self._link.free)
        except BaseException:
            self._link.free.release()
            raise

    def _session(self, seconds: float) -> paramiko.Channel:
        with self._link.lock:
            transport = self._live(seconds)
        # A pin changed by a person since the connection was opened counts at once.
        check_identity(self._pinned, self._link.identity)
        try:
            session = transport.open_session(timeout=seconds)
            session.settimeout(seconds)
            url = shlex.quote(f"unix://{self._connection.path}")
            session.exec_command(f"docker -H {url} system dial-stdio")
        except (paramiko.SSHException, EOFError, OSError) as error:
            transport.close()
            raise RuntimeUnreachableError(str(error), FailureCode.CONNECTION_LOST) from error
        return session

    def _live(self, seconds: float) -> paramiko.Transport:
        link = self._link
        if link.transport is None or not link.transport.is_active():
            link.transport = self._connect(seconds)
        return link.transport

    def _connect(self, seconds: float) -> paramiko.Transport:
        transport = paramiko.Transport(connect_tcp(self._connection, seconds))
        transport.get_security_options().ciphers = _ciphers(transport)
        transport.banner_timeout = transport.auth_timeout = seconds
        try:
            transport.start_client(timeout=seconds)
            key = transport.get_remote_server_key()
            self._link.identity = {SSH_HOST_KEY: f"{key.get_name()} {key.get_base64()}"}
            check_identity(self._pinned, self._link.identity)
            transport.auth_publickey(self._connection.user, private_key(self._secret))
        except FailureError:
            transport.close()
            raise
        except paramiko.AuthenticationException as error:
            transport.close()
            raise fail(FailureCode.SSH_AUTHENTICATION, evidence=(str(error),)) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            transport.close()
            raise RuntimeUnreachableError(str(error), FailureCode.CONNECTION_LOST) from error
        transport.set_keepalive(KEEP_ALIVE_S)
        return transport


def _ciphers(transport: paramiko.Transport) -> list[str]:
    """Return the ciphers, those first that need no second pass for the sum of each packet."""
    known = transport.get_security_options().ciphers
    return sorted(known, key=lambda name: "gcm" not in name)


class _Channel:
    """A channel that behaves as a socket: it stays open until the files made of it are closed."""

    def __init__(self, channel: paramiko.Channel, free: threading.BoundedSemaphore) -> None:
        self._channel = channel
        self._free: threading.BoundedSemaphore | None = free
        self._files = 0
        self._is_closed = False
        self._received = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def receive(self, size: int) -> bytes:
        """Read what is there; an end before the first word is told with the far end's reason."""
        piece = self._channel.recv(size)
        if not piece and not self._received:
            raise _complaint(self._channel)
        self._received = True
        return piece

    def makefile(self, mode: str = "rb", *_: Any, **__: Any) -> Any:
        """Return a file to read from."""
        del mode
        self._files += 1
        return io.BufferedReader(_Raw(self), buffer_size=64 << 10)

    def file_closed(self) -> None:
        """One file less."""
        self._files -= 1
        self._end_if_unused()

    def close(self) -> None:
        """Close it, once nobody reads from it."""
        self._is_closed = True
        self._end_if_unused()

    def _end_if_unused(self) -> None:
        if self._is_closed and self._files <= 0 and self._free is not None:
            self._channel.close()
            self._free.release()
            self._free = None

    def __del__(self) -> None:
        self._files = 0
        self.close()


class _Raw(io.RawIOBase):
    def __init__(self, channel: _Channel) -> None:
        self._channel: _Channel | None = channel

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._channel.receive(len(buffer)) if self._channel else b""
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        if self._channel is not None:
            self._channel.file_closed()
            self._channel = None
        super().close()


def _complaint(channel: paramiko.Channel) -> Exception:
    """Return why the far end closed before it said a word: its own last line tells."""
    until = time.monotonic() + 2.0
    while not channel.exit_status_ready() and time.monotonic() < until:
        time.sleep(0.02)
    text = (
        channel.recv_stderr(2000).decode(errors="replace").strip()
        if channel.recv_stderr_ready()
        else ""
    )
    low = text.lower()
    if "permission denied" in low:
        return fail(FailureCode.SOCKET_PERMISSION, evidence=(text,))
    if "not found" in low and "docker" in low:
        return fail(FailureCode.NOT_DOCKER, evidence=(text,))
    missing = "no such file" in low or "is the docker daemon running" in low
    code = FailureCode.SOCKET_MISSING if missing else FailureCode.CONNECTION_LOST
    return RuntimeUnreachableError(text or "the channel was closed", code)


def private_key(secret: Mapping[str, str]) -> paramiko.PKey:
    """Return the key that opens the host; it never touches a disk."""
    text, passphrase = secret.get("private_key", ""), secret.get("passphrase") or None
    for kind in _KINDS:
        try:
            return kind.from_private_key(io.StringIO(text), password=passphrase)
        except (paramiko.SSHException, ValueError, IndexError, TypeError):
            continue
    raise fail(FailureCode.CREDENTIAL_REFUSED, reason="private_key")
