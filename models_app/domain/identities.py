"""Who a host is: the key or certificate that it showed when it was added, and shows ever since.

An identity is public: `{"ssh_host_key": "ssh-ed25519 AAAA..."}` or `{"certificate_sha256": "..."}`,
empty for hosts that have none (this machine, plain connections).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from models_app.domain.errors import InvalidError
from models_app.domain.failures import FailureCode, fail

SSH_HOST_KEY = "ssh_host_key"
CERTIFICATE = "certificate_sha256"


def check_identity(pinned: Mapping[str, str], shown: Mapping[str, str]) -> None:
    """Raise FailureError IDENTITY_CHANGED when a host shows another identity than the pinned one.

    Nothing pinned is first contact: the ledger pins what is shown. A pinned kind of identity that
    is not shown any more (TLS taken away) has changed as well.
    """
    if pinned and dict(pinned) != dict(shown):
        raise fail(
            FailureCode.IDENTITY_CHANGED,
            pinned=fingerprint(pinned),
            shown=fingerprint(shown),
            shown_identity=dict(shown),
        )


def fingerprint(identity: Mapping[str, str]) -> str:
    """Return an identity as people compare it: as `ssh-keygen -l` or `openssl` print it."""
    if key := identity.get(SSH_HOST_KEY):
        return _ssh_fingerprint(key)
    digest = identity.get(CERTIFICATE, "").upper()
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))


def _ssh_fingerprint(key: str) -> str:
    kind, _, rest = key.partition(" ")
    try:
        blob = base64.b64decode(rest.partition(" ")[0], validate=True)
    except binascii.Error:
        return key
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"SHA256:{digest} ({kind})"


def parse_identity(given: Mapping[str, Any]) -> dict[str, str]:
    """Return an identity that a person pins beforehand. Raises InvalidError."""
    unknown = set(given) - set(_GRAMMAR)
    if unknown:
        raise InvalidError("IDENTITY_INVALID", fields=dict.fromkeys(unknown, "FIELD_UNKNOWN"))
    for name, value in given.items():
        if not isinstance(value, str) or not _GRAMMAR[name].fullmatch(value):
            raise InvalidError("IDENTITY_INVALID", fields={name: "IDENTITY_INVALID"})
    return dict(given)


_GRAMMAR = {
    SSH_HOST_KEY: re.compile(r"[a-z0-9@.-]{1,64} [A-Za-z0-9+/]{16,2000}={0,2}"),
    CERTIFICATE: re.compile(r"[0-9a-f]{64}"),
}
