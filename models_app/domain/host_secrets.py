"""Which secrets each way of connecting takes: names and shapes here, never a value in an error."""

from collections.abc import Mapping
from typing import Any

from models_app.domain.connections import (
    Connection,
    DockerConnection,
    OllamaConnection,
    Transport,
    is_local,
)
from models_app.domain.errors import InvalidError

PEM_LENGTH = 64 << 10
WORD_LENGTH = 4 << 10
PEM_NAMES = ("ca", "certificate", "private_key")


def secret_names(connection: Connection) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names that are needed, and those that may be given besides."""
    if isinstance(connection, DockerConnection):
        if connection.transport == Transport.SSH:
            return ("private_key",), ("passphrase",)
        if connection.transport == Transport.TCP and not connection.plain:
            return PEM_NAMES, ()
    if isinstance(connection, OllamaConnection):
        return (), ("bearer", "username", "password")
    return (), ()


def check_secret(connection: Connection, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the secret when it is whole and may be sent this way; empty values count as absent.

    Raises InvalidError SECRET_INVALID. The form of keys and certificates is checked by
    `services.credentials`, which has the library for it.
    """
    needed, possible = secret_names(connection)
    found = {name: value for name, value in given.items() if value != ""}
    unknown = set(found) - {*needed, *possible}
    if unknown:
        raise InvalidError("SECRET_INVALID", fields=dict.fromkeys(unknown, "FIELD_UNKNOWN"))
    for name, value in found.items():
        if not _is_sound(name, value):
            raise InvalidError("SECRET_INVALID", fields={name: "SECRET_UNUSABLE"})
    missing = set(needed) - set(found)
    if missing:
        raise InvalidError("SECRET_INVALID", fields=dict.fromkeys(missing, "SECRET_MISSING"))
    if isinstance(connection, OllamaConnection) and found:
        _check_ollama(connection, found)
    return found


def _check_ollama(connection: OllamaConnection, found: Mapping[str, str]) -> None:
    if not connection.is_encrypted and not is_local(connection):
        raise InvalidError("SECRET_INVALID", fields=dict.fromkeys(found, "SECRET_NEEDS_TLS"))
    if "bearer" in found and len(found) > 1:
        raise InvalidError("SECRET_INVALID", fields={"bearer": "SECRET_EITHER_OR"})
    for name, other in (("username", "password"), ("password", "username")):
        if name in found and other not in found:
            raise InvalidError("SECRET_INVALID", fields={other: "SECRET_MISSING"})


def _is_sound(name: str, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if name in PEM_NAMES:
        return len(value) <= PEM_LENGTH and "\0" not in value
    # These travel in headers: nothing that could end one.
    is_safe = value.isprintable() and len(value) <= WORD_LENGTH
    return (
        is_safe
        and (name != "bearer" or value.isascii())
        and (name != "username" or ":" not in value)
    )
