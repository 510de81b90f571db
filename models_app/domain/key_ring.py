"""The ring of keys that encrypt secrets at rest: the first key encrypts, every key decrypts.

A ring is a text of lines `id:key`, kept in a file of mode 0600 and never in the database, nor in a
backup beside it.
"""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `id` is public: it stands before everything the key has encrypted."""

    id: str
    secret: bytes

    def __repr__(self) -> str:
        """Never shows the key."""
        return f"Key({self.id})"


def new_key() -> Key:
    """Return a random key."""
    return Key(secrets.token_hex(4), secrets.token_bytes(KEY_BYTES))


def new_ring() -> str:
    """Return the text of a ring with one new key."""
    return format_ring([new_key()])


def parse_ring(text: str) -> list[Key]:
    """Return the keys of a ring, first the one that encrypts. Raises ValueError."""
    keys = []
    for line in text.split():
        key_id, colon, encoded = line.partition(":")
        secret = base64.urlsafe_b64decode(encoded)
        if not key_id or not colon or len(secret) != KEY_BYTES:
            raise ValueError("a line of the key ring is not `id:key`")  # never quotes the line
        keys.append(Key(key_id, secret))
    if not keys:
        raise ValueError("the key ring is empty")
    return keys


def format_ring(keys: Sequence[Key]) -> str:
    """Return the text of a ring."""
    lines = (f"{key.id}:{base64.urlsafe_b64encode(key.secret).decode()}" for key in keys)
    return "\n".join(lines) + "\n"
