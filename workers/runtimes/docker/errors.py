"""Errors of docker-py, requests, urllib3, paramiko and sockets, as ours.

Silence is `RuntimeUnreachableError`: retry, conclude nothing. An answer that refuses is a
`FailureError` with a code and Docker's own sentence as evidence.
"""

import errno
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko
import requests
import urllib3.exceptions
from docker.errors import APIError, DockerException

from models_app.domain.failures import (
    FailureCode,
    FailureError,
    RuntimeUnreachableError,
    fail,
)

SERVER_ERROR = 500
NOT_FOUND = 404
CONFLICT = 409


class AbsentError(Exception):
    """No one thing of that name is there (404, or there are two). Never leaves this package."""


class TakenError(Exception):
    """A name is taken, or the state forbids it now (409). Never leaves this package."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn every error of the libraries into ours."""
    try:
        yield
    except APIError as error:
        raise refusal(error) from error
    except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError) as error:
        cause = _cause(error)
        raise (of_socket(cause) if isinstance(cause, Exception) else _silent(error)) from error
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise of_socket(error) from error


@contextmanager
def answered() -> Iterator[None]:
    """Let nothing out of this package but our two kinds of error."""
    try:
        yield
    except (AbsentError, TakenError) as error:
        raise meaning(str(error)) from error


def refusal(error: APIError) -> Exception:
    """Return what an answer of the engine means."""
    status = error.response.status_code if error.response is not None else SERVER_ERROR
    return refused(status, str(error.explanation or error))


def refused(status: int, text: str) -> Exception:
    """Return what a status and a sentence of the engine mean."""
    if status == NOT_FOUND or "is ambiguous" in text:
        return AbsentError(text)
    if status == CONFLICT:
        return TakenError(text)
    return meaning(text)


def meaning(text: str) -> FailureError:
    """Return the failure that a sentence of Docker's tells of."""
    low = text.lower()
    for words, code in _SENTENCES:
        if any(word in low for word in words):
            return fail(code, evidence=(text,), reason=text[:300])
    return fail(FailureCode.RUNTIME_FAILED, evidence=(text,), reason=text[:300])


_NETWORK_WORDS = (
    "no such host",
    "connection refused",
    "connection reset",
    "no route",
    "i/o timeout",
    "tls handshake",
    "context deadline",
    "eof",
    "toomanyrequests",
    "server error",
    "unexpected http status",
    "net/http",
    "lookup ",
    "filesystem layer verification",
)
_SENTENCES: tuple[tuple[tuple[str, ...], FailureCode], ...] = (
    (("no space left on device", "disk quota exceeded"), FailureCode.DISK_FULL),
    (("cannot assign requested address",), FailureCode.PUBLISH_ADDRESS),
    (("port is already allocated", "address already in use"), FailureCode.PORT_IN_USE),
    (("could not select device driver", "nvidia-container-cli"), FailureCode.GPU_MISSING),
    (
        ("pull access denied", "unauthorized", "authentication required", "denied:", "no basic"),
        FailureCode.REGISTRY_DENIED,
    ),
    (
        ("manifest unknown", "not found", "no such image", "no matching manifest"),
        FailureCode.IMAGE_MISSING,
    ),
    (_NETWORK_WORDS, FailureCode.REGISTRY_UNREACHABLE),
)


def of_socket(error: BaseException) -> Exception:
    """Return what an error below HTTP means."""
    if isinstance(error, RuntimeUnreachableError | FailureError | AbsentError | TakenError):
        return error
    text = str(error) or type(error).__name__
    if isinstance(error, ssl.SSLError):
        return of_tls(error)
    if isinstance(error, paramiko.SSHException):
        return RuntimeUnreachableError(text, FailureCode.CONNECTION_LOST)
    if isinstance(error, TimeoutError | socket.timeout | urllib3.exceptions.TimeoutError):
        return RuntimeUnreachableError(text, FailureCode.CONNECTION_TIMEOUT)
    number = error.errno if isinstance(error, OSError) else None
    if number in {errno.EACCES, errno.EPERM}:
        return fail(FailureCode.SOCKET_PERMISSION, evidence=(text,))
    return RuntimeUnreachableError(text, _BY_NUMBER.get(number or 0, FailureCode.CONNECTION_LOST))


_BY_NUMBER = {
    errno.ECONNREFUSED: FailureCode.CONNECTION_REFUSED,
    errno.ENOENT: FailureCode.SOCKET_MISSING,
    errno.EHOSTUNREACH: FailureCode.NO_ROUTE,
    errno.ENETUNREACH: FailureCode.NO_ROUTE,
    errno.ETIMEDOUT: FailureCode.CONNECTION_TIMEOUT,
}


def of_tls(error: ssl.SSLError) -> Exception:
    """Return what went wrong when the two sides showed their certificates."""
    text = str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return fail(_BY_VERIFICATION.get(error.verify_code, FailureCode.TLS_UNTRUSTED),
                    evidence=(text,))  # fmt: skip
    alerts = ("alert", "bad certificate", "certificate required", "unknown ca")
    if any(word in text.lower() for word in alerts):
        return fail(FailureCode.TLS_CLIENT_REFUSED, evidence=(text,))
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return RuntimeUnreachableError(text, FailureCode.CONNECTION_LOST)
    return fail(FailureCode.TLS_FAILED, evidence=(text,))


_BY_VERIFICATION = {
    9: FailureCode.TLS_NOT_YET_VALID,
    10: FailureCode.TLS_EXPIRED,
    62: FailureCode.TLS_NAME,  # host name
    64: FailureCode.TLS_NAME,  # address
}


def _silent(error: Exception) -> RuntimeUnreachableError:
    is_late = isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError)
    code = FailureCode.CONNECTION_TIMEOUT if is_late else FailureCode.CONNECTION_LOST
    return RuntimeUnreachableError(str(error), code)


def _cause(error: BaseException) -> BaseException | None:
    """Return the error below the wrappings of requests and urllib3: ours, SSH's or a socket's."""
    seen: list[BaseException] = []
    todo: list[BaseException] = [error]
    while todo:
        one = todo.pop(0)
        if one in seen:
            continue
        seen.append(one)
        known = RuntimeUnreachableError | FailureError | AbsentError | TakenError
        if isinstance(one, known | paramiko.SSHException):
            return one
        if isinstance(one, OSError) and not isinstance(one, requests.RequestException):
            return one
        todo += [
            x for x in (*one.args, getattr(one, "reason", None)) if isinstance(x, BaseException)
        ]
        todo += [x for x in (one.__cause__, one.__context__) if x is not None]
    return None
