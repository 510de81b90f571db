"""How each kind of host is reached: parsed once, checked, and used in this parsed form only.

`parse_connection` takes what a person gave and what the ledger kept alike, so a connection that was
accepted is the connection that is used. None holds a secret: `host_secrets` has those.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from models_app.domain import connection_fields as fields
from models_app.domain.addresses import (
    HostPort,
    Resolver,
    is_never_a_machine,
    is_public,
    literal,
    parse_address,
    resolve,
)
from models_app.domain.errors import InvalidError
from models_app.domain.failures import FailureCode, RuntimeUnreachableError, fail

LOCAL = "127.0.0.1"
DOCKER_SOCKET = "/var/run/docker.sock"
DOCKER_TLS_PORT = 2376
DOCKER_PLAIN_PORT = 2375
SSH_PORT = 22


class Transport(StrEnum):
    """How a Docker engine is spoken to."""

    UNIX = "unix"
    TCP = "tcp"
    SSH = "ssh"


@dataclass(frozen=True, slots=True)
class ProcessConnection:
    """This machine itself: nothing to connect to."""

    runtime = "process"
    target = None

    def stored(self) -> dict[str, Any]:
        """Return what the ledger keeps."""
        return {}


@dataclass(frozen=True, slots=True)
class DockerConnection:
    """A Docker engine. `target` is None for a socket of this machine; `path` is the socket's."""

    transport: Transport
    target: HostPort | None = None
    path: str = ""  # unix and ssh
    user: str = ""  # ssh
    plain: bool = False  # tcp without TLS; loopback only
    publish_on: str = ""  # where ports of containers are published; empty: see `publishes_on`
    image_prefix: str = ""  # put before every image's name: a mirror, ending in a slash
    images: Mapping[str, str] = field(default_factory=dict)  # engine -> image of this host

    runtime = "docker"

    @property
    def publishes_on(self) -> str | None:
        """The address for the ports of containers; None: the one that the host is reached by."""
        if self.publish_on:
            return self.publish_on
        return LOCAL if self.transport == Transport.UNIX or self.plain else None

    def image_of(self, engine: str, image: str) -> str:
        """Return the image that runs an engine here: this host's own, or the mirror's."""
        return self.images.get(engine) or f"{self.image_prefix}{image}"

    def stored(self) -> dict[str, Any]:
        """Return what the ledger keeps: what differs from the default."""
        kept: dict[str, Any] = {"transport": str(self.transport)}
        if self.target:
            kept["address"] = str(self.target)
        for name in ("path", "user", "plain", "publish_on", "image_prefix"):
            if value := getattr(self, name):
                kept[name] = value
        return kept | ({"images": dict(self.images)} if self.images else {})


@dataclass(frozen=True, slots=True)
class OllamaConnection:
    """An Ollama server. `base` is the path below which its API lies, without a last slash."""

    scheme: str
    target: HostPort
    base: str = ""

    runtime = "ollama"

    @property
    def is_encrypted(self) -> bool:
        """Whether a secret may travel to it."""
        return self.scheme == "https"

    @property
    def url(self) -> str:
        """The address in its one normal form."""
        return f"{self.scheme}://{self.target}{self.base}"

    def stored(self) -> dict[str, Any]:
        """Return what the ledger keeps."""
        return {"url": self.url}


Connection = ProcessConnection | DockerConnection | OllamaConnection


def parse_connection(runtime: str, given: Mapping[str, Any]) -> Connection:
    """Return the connection. Raises InvalidError, whose `fields` say what is wrong where."""
    if runtime == "process":
        fields.only(given, ())
        return ProcessConnection()
    if runtime == "docker":
        return _docker(given)
    if runtime == "ollama":
        fields.only(given, ("url",))
        return OllamaConnection(*fields.server_url(given.get("url", "")))
    raise InvalidError(
        "RUNTIME_UNKNOWN", params={"runtime": runtime}, fields={"runtime": "RUNTIME_UNKNOWN"}
    )


def _docker(given: Mapping[str, Any]) -> DockerConnection:
    transport = fields.choice(given.get("transport", "unix"), Transport, "transport")
    fields.only(given, (*_DOCKER_FIELDS[transport], "publish_on", "image_prefix", "images"))
    plain = fields.flag(given.get("plain", False), "plain")
    target = None
    if transport == Transport.TCP:
        default = DOCKER_PLAIN_PORT if plain else DOCKER_TLS_PORT
        target = fields.address(given.get("address", ""), default_port=default)
    elif transport == Transport.SSH:
        target = fields.address(given.get("address", ""), default_port=SSH_PORT)
    if target and plain and not is_loopback(target.host):
        raise InvalidError("CONNECTION_INVALID", fields={"address": "PLAIN_NOT_LOOPBACK"})
    has_path = transport != Transport.TCP
    return DockerConnection(
        transport=transport,
        target=target,
        path=fields.socket_path(given.get("path", DOCKER_SOCKET)) if has_path else "",
        user=fields.user(given.get("user", "")) if transport == Transport.SSH else "",
        plain=plain,
        publish_on=fields.publish_on(given.get("publish_on", "")),
        image_prefix=fields.image_prefix(given.get("image_prefix", "")),
        images=MappingProxyType(fields.images(given.get("images", {}))),
    )


_DOCKER_FIELDS: Mapping[Transport, Sequence[str]] = {
    Transport.UNIX: ("transport", "path"),
    Transport.TCP: ("transport", "address", "plain"),
    Transport.SSH: ("transport", "address", "user", "path"),
}


def is_loopback(host: str) -> bool:
    """Return whether a parsed host is this machine by its name alone."""
    address = literal(host)
    return host == "localhost" if address is None else address.is_loopback


def is_local(connection: Connection) -> bool:
    """Return whether nothing that is sent leaves this machine."""
    return connection.target is None or is_loopback(connection.target.host)


def reachable_at(connection: Connection, *, resolver: Resolver = resolve) -> tuple[str, ...]:
    """Return the addresses to connect to: resolved once, each one checked; nothing else is used.

    Empty when there is nothing to connect to. Raises RuntimeUnreachableError when the name does not
    resolve, FailureError ADDRESS_FORBIDDEN when it leads where no host of ours can be.
    """
    target = connection.target
    if target is None:
        return ()
    try:
        found = tuple(resolver(target.host, target.port))
    except OSError as error:
        raise RuntimeUnreachableError(
            str(error), FailureCode.NAME_UNRESOLVED, name=target.host
        ) from error
    stays_here = is_loopback(target.host)
    for text in found:
        address = parse_address(text)
        if is_never_a_machine(address) or (stays_here and not address.is_loopback):
            raise fail(FailureCode.ADDRESS_FORBIDDEN, address=text)
    return found


def connection_warnings(
    connection: Connection, addresses: Sequence[str], *, has_secret: bool = False
) -> tuple[str, ...]:
    """Return the codes of what a person should know about this way of connecting.

    An Ollama server that asks for a secret is not open to whoever reaches it.
    """
    warnings = []
    if isinstance(connection, DockerConnection) and connection.plain:
        warnings.append("DOCKER_WITHOUT_TLS")
    is_guarded = has_secret and isinstance(connection, OllamaConnection)
    if not is_guarded and any(is_public(parse_address(text)) for text in addresses):
        warnings.append("PUBLIC_ADDRESS")
    return tuple(warnings)
