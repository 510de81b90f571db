"""How to get in where an engine answers: what to show at the door, and who must be behind it.

Engines of our own need neither: they listen on private addresses that the ledger knows. A server
that others own may stand behind a proxy with TLS and a credential.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Door:
    """The credential never shows in a repr. Empty: no credential, no TLS."""

    authorization: str = field(default="", repr=False)
    certificate_sha256: str = ""  # of the one certificate that is trusted


OPEN = Door()


@dataclass(frozen=True, slots=True)
class Place:
    """An address taken apart: `host:port` of a plain engine, or a URL that says its scheme."""

    host: str
    port: int
    netloc: str
    base: str  # the path below which everything lies, without a last slash
    encrypted: bool


@lru_cache(maxsize=1024)
def place_of(address: str) -> Place:
    """Return the parts of an address as replicas keep it."""
    parts = urlsplit(address if "://" in address else f"http://{address}")
    encrypted = parts.scheme == "https"
    port = parts.port or (443 if encrypted else 80)
    return Place(parts.hostname or "", port, parts.netloc, parts.path.rstrip("/"), encrypted)


def authorization_of(secret: Mapping[str, str]) -> str:
    """Return the header's value that a secret of an Ollama host means; empty for none."""
    if "bearer" in secret:
        return f"Bearer {secret['bearer']}"
    if "username" in secret:
        pair = f"{secret['username']}:{secret.get('password', '')}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"
    return ""
