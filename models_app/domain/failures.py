"""Failure codes of work on hosts, and the value that carries one with its evidence.

A code never changes its meaning. `controlplane/wording/failures.py` gives each a sentence and a
remedy; a test asserts that none is missing there. `retry` says whether time alone may mend it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class FailureCode(StrEnum):
    """Why a placement, replica, operation or host is not as wished."""

    # artifacts
    ARTIFACT_MISSING = "ARTIFACT_MISSING"
    CHECKSUM = "CHECKSUM"
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    ARTIFACT_INVALID = "ARTIFACT_INVALID"
    DISK_FULL = "DISK_FULL"
    DISK_SPACE = "DISK_SPACE"  # refused beforehand, with figures
    # fetching
    SOURCE_UNREACHABLE = "SOURCE_UNREACHABLE"
    SOURCE_REFUSED = "SOURCE_REFUSED"
    SOURCE_STALLED = "SOURCE_STALLED"
    SOURCE_CHANGED = "SOURCE_CHANGED"
    SOURCE_CUT = "SOURCE_CUT"  # and the other side cannot resume
    # scheduling
    NOT_ENOUGH_MEMORY = "NOT_ENOUGH_MEMORY"
    MEMORY_UNKNOWN = "MEMORY_UNKNOWN"
    NO_HOST = "NO_HOST"
    NO_ROOM_ELSEWHERE = "NO_ROOM_ELSEWHERE"  # of a host that is being emptied
    CONTEXT_TOO_LARGE = "CONTEXT_TOO_LARGE"
    RUNTIME_UNSUPPORTED = "RUNTIME_UNSUPPORTED"
    PARAMETERS_INVALID = "PARAMETERS_INVALID"
    # running
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    PORT_IN_USE = "PORT_IN_USE"
    ENGINE_MISSING = "ENGINE_MISSING"
    ENGINE_EXITED = "ENGINE_EXITED"
    STARTUP_STALLED = "STARTUP_STALLED"
    READINESS_FAILED = "READINESS_FAILED"
    HEALTH_LOST = "HEALTH_LOST"
    ENGINE_STUCK = "ENGINE_STUCK"  # answers its health page, and gets on with no request
    HOST_UNREACHABLE = "HOST_UNREACHABLE"
    HOST_REFUSED = "HOST_REFUSED"
    # containers
    IMAGE_MISSING = "IMAGE_MISSING"
    REGISTRY_DENIED = "REGISTRY_DENIED"
    REGISTRY_UNREACHABLE = "REGISTRY_UNREACHABLE"
    NAME_TAKEN = "NAME_TAKEN"  # by something that is not ours, and is left alone
    PUBLISH_ADDRESS = "PUBLISH_ADDRESS"  # the host has no such address
    GPU_MISSING = "GPU_MISSING"
    TRANSFER_DAMAGED = "TRANSFER_DAMAGED"  # on the way: the store's own file is fine
    RUNTIME_FAILED = "RUNTIME_FAILED"  # in the runtime's own words
    # connecting to a host
    HOST_TWICE = "HOST_TWICE"  # another row of this installation drives the same engine
    IDENTITY_CHANGED = "IDENTITY_CHANGED"  # another key or certificate than the one trusted
    NAME_UNRESOLVED = "NAME_UNRESOLVED"
    ADDRESS_FORBIDDEN = "ADDRESS_FORBIDDEN"
    CONNECTION_REFUSED = "CONNECTION_REFUSED"
    CONNECTION_TIMEOUT = "CONNECTION_TIMEOUT"
    CONNECTION_LOST = "CONNECTION_LOST"
    NO_ROUTE = "NO_ROUTE"
    SOCKET_MISSING = "SOCKET_MISSING"
    SOCKET_PERMISSION = "SOCKET_PERMISSION"
    TLS_NAME = "TLS_NAME"
    TLS_UNTRUSTED = "TLS_UNTRUSTED"
    TLS_NOT_YET_VALID = "TLS_NOT_YET_VALID"
    TLS_EXPIRED = "TLS_EXPIRED"
    TLS_CLIENT_REFUSED = "TLS_CLIENT_REFUSED"
    TLS_FAILED = "TLS_FAILED"
    SSH_AUTHENTICATION = "SSH_AUTHENTICATION"
    SSH_FAILED = "SSH_FAILED"
    CREDENTIAL_REFUSED = "CREDENTIAL_REFUSED"
    SECRET_UNREADABLE = "SECRET_UNREADABLE"  # noqa: S105 - a code
    API_TOO_OLD = "API_TOO_OLD"
    NOT_DOCKER = "NOT_DOCKER"
    NOT_OLLAMA = "NOT_OLLAMA"
    HOST_BUSY = "HOST_BUSY"  # it answers, and takes nothing more for now
    OLLAMA_REFUSED = "OLLAMA_REFUSED"  # in the server's own words
    # our own
    WISH_REFUSED = "WISH_REFUSED"  # the ledger forbids what was asked; `refusal` is its error code
    INTERNAL = "INTERNAL"


TERMINAL = frozenset(
    {
        FailureCode.ARTIFACT_MISSING,
        FailureCode.CHECKSUM,
        FailureCode.UNSUPPORTED_FORMAT,
        FailureCode.ARTIFACT_INVALID,
        FailureCode.DISK_FULL,
        FailureCode.SOURCE_REFUSED,
        FailureCode.SOURCE_CHANGED,
        FailureCode.SOURCE_CUT,
        FailureCode.CONTEXT_TOO_LARGE,
        FailureCode.RUNTIME_UNSUPPORTED,
        FailureCode.PARAMETERS_INVALID,
        FailureCode.ENGINE_MISSING,
        FailureCode.HOST_REFUSED,
        FailureCode.IMAGE_MISSING,
        FailureCode.REGISTRY_DENIED,
        FailureCode.NAME_TAKEN,
        FailureCode.PUBLISH_ADDRESS,
        FailureCode.GPU_MISSING,
        FailureCode.HOST_TWICE,
        FailureCode.IDENTITY_CHANGED,
        FailureCode.ADDRESS_FORBIDDEN,
        FailureCode.SOCKET_PERMISSION,
        FailureCode.TLS_NAME,
        FailureCode.TLS_UNTRUSTED,
        FailureCode.TLS_NOT_YET_VALID,
        FailureCode.TLS_EXPIRED,
        FailureCode.TLS_CLIENT_REFUSED,
        FailureCode.TLS_FAILED,
        FailureCode.SSH_AUTHENTICATION,
        FailureCode.CREDENTIAL_REFUSED,
        FailureCode.SECRET_UNREADABLE,
        FailureCode.API_TOO_OLD,
        FailureCode.NOT_DOCKER,
        FailureCode.NOT_OLLAMA,
        FailureCode.WISH_REFUSED,
    }
)
"""Codes that waiting does not mend: no automatic retry, a person decides."""


ABOUT_THE_HOST = frozenset(
    {
        FailureCode.HOST_UNREACHABLE,
        FailureCode.HOST_REFUSED,
        FailureCode.HOST_TWICE,
        FailureCode.IDENTITY_CHANGED,
        FailureCode.ADDRESS_FORBIDDEN,
        FailureCode.SOCKET_PERMISSION,
        FailureCode.TLS_NAME,
        FailureCode.TLS_UNTRUSTED,
        FailureCode.TLS_NOT_YET_VALID,
        FailureCode.TLS_EXPIRED,
        FailureCode.TLS_CLIENT_REFUSED,
        FailureCode.TLS_FAILED,
        FailureCode.SSH_AUTHENTICATION,
        FailureCode.CREDENTIAL_REFUSED,
        FailureCode.SECRET_UNREADABLE,
        FailureCode.API_TOO_OLD,
        FailureCode.NOT_DOCKER,
        FailureCode.NOT_OLLAMA,
    }
)
"""Codes that say nothing of what runs on a host: its replicas are unknown, not failed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure: its code, the figures its sentence needs, and the engine's own last lines."""

    code: FailureCode
    params: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()

    @property
    def retry(self) -> bool:
        """Return whether trying again later may help."""
        return self.code not in TERMINAL


class RuntimeUnreachableError(Exception):
    """The host or its runtime does not answer: retry, and conclude nothing about its workloads.

    `code` says how it does not answer, where that is known: refused, no route, in time.
    """

    def __init__(
        self, text: str = "", code: FailureCode = FailureCode.HOST_UNREACHABLE, **params: Any
    ) -> None:
        self.code = code
        self.params = params
        super().__init__(text)

    def failure(self, **params: Any) -> Failure:
        """Return it as a value, with more figures for its sentence."""
        return Failure(self.code, {**self.params, **params}, (str(self),) if str(self) else ())


class FailureError(Exception):
    """Work ended with a failure that has a code; raised inside the hands, recorded as a row."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.code, dict(failure.params))


def fail(code: FailureCode, /, *, evidence: tuple[str, ...] = (), **params: Any) -> FailureError:
    """Return a FailureError, to be raised: `raise fail(FailureCode.DISK_FULL, path=...)`."""
    return FailureError(Failure(code, params, evidence))
