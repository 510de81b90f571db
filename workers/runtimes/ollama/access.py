"""How a server is reached: the checked address, the credential, and the pinned certificate."""

import hashlib
import socket
import ssl
from collections.abc import Mapping
from typing import Any

import httpx

from models_app.domain.connections import (
    OllamaConnection,
    connection_warnings,
    parse_connection,
    reachable_at,
)
from models_app.domain.doors import authorization_of
from models_app.domain.failures import FailureCode, RuntimeUnreachableError, fail
from models_app.domain.identities import CERTIFICATE, check_identity
from workers.runtimes.ollama.server import Access, Credential

HANDSHAKE_S = 3.0


def access_of(
    connection: Mapping[str, Any], secret: Mapping[str, str], identity: Mapping[str, str]
) -> tuple[Access, Mapping[str, str], tuple[str, ...]]:
    """Return the access, the identity that the server showed, and what to warn of.

    Raises FailureError IDENTITY_CHANGED before anything secret is sent.
    """
    parsed = parse_connection("ollama", connection)
    assert isinstance(parsed, OllamaConnection)
    warnings = connection_warnings(parsed, reachable_at(parsed), has_secret=bool(secret))
    credential = credential_of(secret)
    if not parsed.is_encrypted:
        check_identity(identity, {})
        return Access(parsed.url, credential), {}, warnings
    certificate = _certificate(parsed.target.host, parsed.target.port)
    shown = {CERTIFICATE: hashlib.sha256(certificate).hexdigest()}
    check_identity(identity, shown)
    return Access(parsed.url, credential, _only(certificate)), shown, warnings


def unguarded_warnings(connection: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what to warn of when the server answers whoever reaches it."""
    parsed = parse_connection("ollama", connection)
    return connection_warnings(parsed, reachable_at(parsed))


def credential_of(secret: Mapping[str, str]) -> Credential:
    """Return what sets the credential of a request, and removes any other."""
    value = authorization_of(secret)

    def set_credential(request: httpx.Request) -> httpx.Request:
        request.headers.pop("Authorization", None)
        if value:
            request.headers["Authorization"] = value
        return request

    return set_credential


def _certificate(host: str, port: int) -> bytes:
    """Return the certificate that the server shows now. Nothing is sent to it."""
    look = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    look.check_hostname, look.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=HANDSHAKE_S) as plain,
            look.wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            found = wrapped.getpeercert(binary_form=True)
    except ssl.SSLError as error:
        raise fail(FailureCode.TLS_FAILED, evidence=(str(error),)) from error
    except OSError as error:
        raise RuntimeUnreachableError(f"{host}:{port}: {error!r}") from error
    if not found:
        raise fail(FailureCode.TLS_FAILED)
    return found


def _only(certificate: bytes) -> ssl.SSLContext:
    """Return a context that trusts this one certificate, whoever signed it, and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # this very certificate is pinned, not a name in it
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate)
    return context
