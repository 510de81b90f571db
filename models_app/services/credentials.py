"""Looks into keys and certificates before they are kept: what cannot work is refused at the form.

Nothing here decrypts a key that has a passphrase: how long that takes is the key's own choice, and
this runs in a web request. The hands find out when they connect.
"""

from collections.abc import Mapping

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from models_app.domain.connections import Connection, DockerConnection, Transport
from models_app.domain.errors import InvalidError
from models_app.domain.host_secrets import check_secret


def check_credentials(connection: Connection, given: Mapping[str, str]) -> dict[str, str]:
    """Return the secret when it can serve this connection. Raises InvalidError SECRET_INVALID."""
    secret = check_secret(connection, given)
    if isinstance(connection, DockerConnection) and secret:
        if connection.transport == Transport.SSH:
            _check_ssh_key(secret)
        else:
            _check_certificates(secret)
    return secret


def _check_certificates(secret: Mapping[str, str]) -> None:
    _certificates("ca", secret["ca"])
    certificate = _certificates("certificate", secret["certificate"])[0]
    try:
        key = load_pem_private_key(secret["private_key"].encode(), password=None)
    except TypeError:
        raise _refused("private_key", "PRIVATE_KEY_ENCRYPTED") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _refused("private_key", "PRIVATE_KEY_INVALID") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise _refused("private_key", "PRIVATE_KEY_OTHER")


def _certificates(name: str, text: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise _refused(name, "CERTIFICATE_INVALID") from None


def _check_ssh_key(secret: Mapping[str, str]) -> None:
    text = secret["private_key"].encode()
    load = load_ssh_private_key if b"OPENSSH PRIVATE KEY" in text else load_pem_private_key
    try:
        load(text, password=None)
    except TypeError:  # encrypted
        if "passphrase" not in secret:
            raise _refused("passphrase", "PASSPHRASE_NEEDED") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _refused("private_key", "PRIVATE_KEY_INVALID") from None


def _refused(name: str, code: str) -> InvalidError:
    return InvalidError("SECRET_INVALID", fields={name: code})
