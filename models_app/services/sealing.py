"""Secrets at rest: AES-256-GCM, bound to their row and column, under a ring of keys.

The associated data names table, row, column and key: a ciphertext moved to another row does not
open. The row is named by its public id, which it has before it is inserted, so that a secret is
never written in a second step.
"""

import base64
import binascii
import json
import os
import secrets
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from models_app.domain.failures import FailureCode, fail
from models_app.domain.key_ring import KEY_BYTES, Key, format_ring, parse_ring
from models_app.models.base import Row

NONCE_BYTES = 12
PURPOSE = b"slipway.fields"  # other uses of the ring derive other keys


def seal(row: Row, column: str, secret: Mapping[str, str]) -> str:
    """Return a secret as the column keeps it; an empty secret is an empty text."""
    if not secret:
        return ""
    key = read_ring()[0]
    nonce = secrets.token_bytes(NONCE_BYTES)
    plain = json.dumps(dict(secret)).encode()
    sealed = AESGCM(_field_key(key)).encrypt(nonce, plain, _context(row, column, key))
    return f"{key.id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def unseal(row: Row, column: str) -> dict[str, str]:
    """Return the secret in a column of a row. Raises FailureError SECRET_UNREADABLE."""
    kept: str = getattr(row, column)
    if not kept:
        return {}
    key_id, _, encoded = kept.partition(".")
    key = next((key for key in read_ring() if key.id == key_id), None)
    if key is None:
        raise fail(FailureCode.SECRET_UNREADABLE, key=key_id)
    try:
        blob = base64.urlsafe_b64decode(encoded)
        context = _context(row, column, key)
        plain = AESGCM(_field_key(key)).decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], context)
    except (InvalidTag, ValueError, binascii.Error):
        raise fail(FailureCode.SECRET_UNREADABLE, key=key_id) from None
    found: dict[str, str] = json.loads(plain)
    return found


def is_sealed_by(kept: str, key: Key) -> bool:
    """Return whether a column's content was encrypted by that key."""
    return kept.partition(".")[0] == key.id


def read_ring() -> list[Key]:
    """Return the keys. Read at each use: a key that was added is known to every process at once."""
    return parse_ring(settings.KEY_RING.read_text())


def write_ring(keys: list[Key]) -> None:
    """Replace the ring's file in one step; readers see the old ring or the new one."""
    draft = settings.KEY_RING.with_name(f".key_ring.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(format_ring(keys))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(settings.KEY_RING)


def _field_key(key: Key) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=PURPOSE).derive(key.secret)


def _context(row: Row, column: str, key: Key) -> bytes:
    return f"{row._meta.db_table}:{row.public_id}:{column}:{key.id}".encode()
