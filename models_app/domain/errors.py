"""Errors that reach a person or a script, each with a stable code.

    SlipwayError
    ├── NotSignedInError         401  nobody known asks
    ├── NotFoundError            404  it does not exist, or you may not see it
    ├── NotAllowedError          403  you may see it, not do this
    ├── InvalidError             422  what was sent cannot be accepted; `fields` says where
    ├── ConflictError            409  it changed meanwhile, the name is taken, the state forbids it
    ├── TooLargeError            413
    ├── TooManyError             429
    └── UnavailableError         503  a part of Slipway is away; try again

Text for people lives in `controlplane/wording`; here are codes and parameters only.
"""

from collections.abc import Mapping
from typing import Any


class SlipwayError(Exception):
    """The root: `code` is stable, `params` fill its sentence, `fields` point into the input."""

    status = 500
    default_code = "INTERNAL"

    def __init__(
        self,
        code: str | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code or self.default_code
        self.params = dict(params or {})
        self.fields = dict(fields or {})  # field name -> error code of that field
        super().__init__(self.code, self.params, self.fields)


class NotSignedInError(SlipwayError):
    """Nobody known asks: no session, no token, or one that is no longer good."""

    status = 401
    default_code = "NOT_SIGNED_IN"


class NotFoundError(SlipwayError):
    """It does not exist, or the asker may not know that it does."""

    status = 404
    default_code = "NOT_FOUND"


class NotAllowedError(SlipwayError):
    """The asker's role does not allow it."""

    status = 403
    default_code = "NOT_ALLOWED"


class InvalidError(SlipwayError):
    """The input cannot be accepted."""

    status = 422
    default_code = "INVALID"


class ConflictError(SlipwayError):
    """The current state forbids it."""

    status = 409
    default_code = "CONFLICT"


class TooLargeError(SlipwayError):
    """The body or file is over its limit."""

    status = 413
    default_code = "TOO_LARGE"


class TooManyError(SlipwayError):
    """Too many attempts in a given time."""

    status = 429
    default_code = "TOO_MANY"


class UnavailableError(SlipwayError):
    """A part that is needed is away for now."""

    status = 503
    default_code = "UNAVAILABLE"


class LeaseLostError(Exception):
    """Another worker owns the row now; whoever sees this stops without writing anything."""
