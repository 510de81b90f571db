"""How secrets that Slipway hands out are kept: as HMACs with a pepper that is not in the database.

The secrets are random 256 bits, so a fast keyed digest is right: there is nothing to guess slowly.
"""

import hashlib
import hmac
import secrets

from django.conf import settings

SECRET_BYTES = 32


def new_secret() -> str:
    """Return 256 random bits, safe in an address and a header."""
    return secrets.token_urlsafe(SECRET_BYTES)


def keyed_digest(purpose: str, secret: str) -> str:
    """Return the HMAC of a secret. `purpose` keeps digests of one kind from serving another."""
    message = f"{purpose}:{secret}".encode()
    return hmac.new(settings.TOKEN_PEPPER.encode(), message, hashlib.sha256).hexdigest()


def same_digest(one: str, other: str) -> bool:
    """Compare two digests in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
