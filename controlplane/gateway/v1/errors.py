"""What the gateway refuses, before anything is asked of an engine."""

from collections.abc import Mapping
from typing import Any

from models_app.domain.errors import (
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    SlipwayError,
    TooManyError,
    UnavailableError,
)


class KeyMissingError(NotSignedInError):
    """No key was sent."""

    default_code = "KEY_MISSING"


class KeyInvalidError(NotSignedInError):
    """Unknown, wrong, revoked or expired: told alike."""

    default_code = "KEY_INVALID"


class KeyRevokedError(NotSignedInError):
    """The key was taken away while its answer was being streamed."""

    default_code = "KEY_REVOKED"


class KeysAwayError(UnavailableError):
    """Whether the key is good cannot be read now, and it was not seen lately."""

    default_code = "KEYS_AWAY"


class RouteNotAllowedError(NotAllowedError):
    """Params: route."""

    default_code = "ROUTE_NOT_ALLOWED"


class ModelNotFoundError(NotFoundError):
    """Params: model. It does not exist, or this key does not open it."""

    default_code = "MODEL_NOT_FOUND"


class UrlUnknownError(NotFoundError):
    """Params: method, path."""

    default_code = "URL_UNKNOWN"


class MethodNotAllowedError(SlipwayError):
    """Params: method, allowed."""

    status = 405
    default_code = "METHOD_NOT_ALLOWED"


class OverloadedError(UnavailableError):
    """As much is under way as this process takes. Params: wait_s."""

    default_code = "OVERLOADED"


class SlowClientError(SlipwayError):
    """The client took no byte of its answer for too long; nobody is told."""

    default_code = "CLIENT_TOO_SLOW"


class LimitedError(TooManyError):
    """A limit of the key or of the deployment. Params: limit, wait_s."""

    default_code = "RATE_LIMITED"

    def __init__(
        self,
        code: str,
        *,
        params: Mapping[str, Any],
        headers: list[tuple[bytes, bytes]],
        of_key: bool,
    ) -> None:
        super().__init__(code, params=params)
        self.headers = headers
        self.of_key = of_key  # another deployment would not help


class BodySlowError(SlipwayError):
    """The body did not come in time."""

    status = 408
    default_code = "BODY_TOO_SLOW"
