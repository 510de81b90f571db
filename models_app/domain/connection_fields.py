"""The fields of connections, one grammar each. Every function raises InvalidError for its field.

What a field may hold is written as what is allowed, never as what is forbidden: a socket path is a
plain absolute path, a user is a login name, an image prefix is a registry and a path.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlsplit

from models_app.domain.addresses import (
    HostPort,
    is_never_a_machine,
    is_public,
    literal,
    parse_host_port,
    unwrapped,
)
from models_app.domain.errors import InvalidError

C = TypeVar("C", bound=StrEnum)

URL_LENGTH = 300
PATH_LENGTH = 100  # of a unix socket: the kernel's own limit is a little more
IMAGES_LIMIT = 32
_URL_PORTS = {"http": 80, "https": 443}
_PATH = re.compile(r"(/[A-Za-z0-9._-]+)+")
_USER = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
_ENGINE = re.compile(r"[a-z][a-z0-9_]{0,31}")
_BASE = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")
_REGISTRY = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?/"
_IMAGE_PATH = r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
_PREFIX = re.compile(rf"{_REGISTRY}({_IMAGE_PATH}/)?")
_IMAGE = re.compile(
    rf"({_REGISTRY})?{_IMAGE_PATH}(:[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}})?(@sha256:[0-9a-f]{{64}})?"
)


def only(given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse fields that this kind of connection does not have."""
    unknown = set(given) - set(known)
    if unknown:
        raise InvalidError("CONNECTION_INVALID", fields=dict.fromkeys(unknown, "FIELD_UNKNOWN"))


def choice(value: Any, of: type[C], name: str) -> C:
    """Return the member of that name."""
    try:
        return of(value)
    except ValueError:
        raise InvalidError("CONNECTION_INVALID", fields={name: "TRANSPORT_UNKNOWN"}) from None


def flag(value: Any, name: str) -> bool:
    """Return true or false, given as such."""
    if not isinstance(value, bool):
        raise InvalidError("CONNECTION_INVALID", fields={name: "VALUE_INVALID"})
    return value


def address(value: Any, *, default_port: int) -> HostPort:
    """Return a name or address with its port, one where a machine of ours may be."""
    try:
        found = parse_host_port(_text(value), default_port=default_port)
    except ValueError:
        raise InvalidError("CONNECTION_INVALID", fields={"address": "ADDRESS_INVALID"}) from None
    _refuse_forbidden(found, "address")
    return found


def server_url(value: Any) -> tuple[str, HostPort, str]:
    """Return scheme, host and port, and the path below which the server's API lies."""
    text = _text(value).strip()
    invalid = InvalidError("CONNECTION_INVALID", fields={"url": "SERVER_URL_INVALID"})
    # Split by hand what remains after the scheme: a netloc is `host:port` and nothing else.
    if not text.isascii() or not text.isprintable() or len(text) > URL_LENGTH:
        raise invalid
    try:
        parts = urlsplit(text)
        default_port = _URL_PORTS[parts.scheme]
        target = parse_host_port(parts.netloc, default_port=default_port)
    except (ValueError, KeyError):
        raise invalid from None
    is_plain = not parts.query and not parts.fragment and not set(text) & set("?#\\")
    if not is_plain or not _BASE.fullmatch(parts.path) or ".." in parts.path:
        raise invalid
    _refuse_forbidden(target, "url")
    return parts.scheme, target, parts.path.rstrip("/")


def socket_path(value: Any) -> str:
    """Return the absolute path of a socket, without `..` or anything that needs quoting."""
    text = _text(value)
    steps = text.split("/")
    if not _PATH.fullmatch(text) or len(text) > PATH_LENGTH or {".", ".."} & set(steps):
        raise InvalidError("CONNECTION_INVALID", fields={"path": "SOCKET_PATH_INVALID"})
    return text


def user(value: Any) -> str:
    """Return a login name."""
    text = _text(value)
    if not _USER.fullmatch(text):
        raise InvalidError("CONNECTION_INVALID", fields={"user": "LOGIN_NAME_INVALID"})
    return text


def publish_on(value: Any) -> str:
    """Return a loopback or private address of the host; empty when none was given."""
    text = _text(value)
    if not text:
        return ""
    try:
        found = unwrapped(ipaddress.ip_address(text))
    except ValueError:
        found = ipaddress.ip_address("0.0.0.0")  # noqa: S104 - stands for "refused"
    if is_never_a_machine(found) or is_public(found):
        raise InvalidError("CONNECTION_INVALID", fields={"publish_on": "PUBLISH_ADDRESS_INVALID"})
    return str(found)


def image_prefix(value: Any) -> str:
    """Return a registry with an optional path, ending in a slash; empty when none was given."""
    text = _text(value)
    text = f"{text}/" if text and not text.endswith("/") else text
    if text and (len(text) > URL_LENGTH or not _PREFIX.fullmatch(text)):
        raise InvalidError("CONNECTION_INVALID", fields={"image_prefix": "IMAGE_PREFIX_INVALID"})
    return text


def images(value: Any) -> dict[str, str]:
    """Return which image runs which engine on this host."""
    is_sound = isinstance(value, Mapping) and len(value) <= IMAGES_LIMIT
    if not is_sound or not all(_is_image(engine, image) for engine, image in value.items()):
        raise InvalidError("CONNECTION_INVALID", fields={"images": "IMAGE_INVALID"})
    return dict(value)


def _is_image(engine: Any, image: Any) -> bool:
    is_text = isinstance(engine, str) and isinstance(image, str) and len(image) <= URL_LENGTH
    return is_text and bool(_ENGINE.fullmatch(engine) and _IMAGE.fullmatch(image))


def _refuse_forbidden(target: HostPort, name: str) -> None:
    found = literal(target.host)
    if found is not None and is_never_a_machine(found):
        raise InvalidError("CONNECTION_INVALID", fields={name: "ADDRESS_FORBIDDEN"})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "\0"  # no grammar takes it
