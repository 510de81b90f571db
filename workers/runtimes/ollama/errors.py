"""Turns what goes wrong with an Ollama server into our two kinds: silent, or refused by code."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import ollama

from models_app.domain.failures import FailureCode, FailureError, RuntimeUnreachableError, fail

BUSY = 503
UNAUTHORIZED = frozenset({401, 403})
NOT_FOUND = 404
MESSAGE_LENGTH = 300
# The first rule that the server's words fit wins.
_RULES = (
    (r"no space left on device|disk quota exceeded", FailureCode.DISK_FULL),
    (r"requires more system memory|out of memory|cudaMalloc failed|unable to allocate",
     FailureCode.OUT_OF_MEMORY),
    (r"digest mismatch", FailureCode.CHECKSUM),
    (r"file does not exist|manifest unknown|pull model manifest: 404", FailureCode.SOURCE_REFUSED),
    (r"stopped after \d+ redirects|maximum redirects exceeded", FailureCode.SOURCE_REFUSED),
    (r"invalid model name|invalid file|supplied file was not in GGUF|unsupported (content|model)",
     FailureCode.ARTIFACT_INVALID),
    (r"max retries exceeded|dial tcp|connection refused|no such host|i/o timeout|TLS handshake|EOF",
     FailureCode.SOURCE_UNREACHABLE),
)  # fmt: skip
_COMPILED = tuple((re.compile(text, re.IGNORECASE), code) for text, code in _RULES)


@contextmanager
def server_errors(url: str) -> Iterator[None]:
    """Raise RuntimeUnreachableError when nothing answers, FailureError when it refuses."""
    try:
        yield
    except ollama.ResponseError as error:
        raise refusal(url, error.status_code, error.error) from error
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        raise refusal(url, status, error.response.text) from error
    except (httpx.HTTPError, ConnectionError, TimeoutError) as error:
        cause = error.__context__ if isinstance(error, ConnectionError) else error
        raise RuntimeUnreachableError(f"{url}: {cause!r}", _silence(cause)) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # It answers, but not as an Ollama server does.
        raise fail(FailureCode.NOT_OLLAMA, evidence=(str(error)[:MESSAGE_LENGTH],)) from error


def refusal(url: str, status: int, text: str) -> FailureError:
    """Return the failure that an answer means."""
    message = text.strip()[:MESSAGE_LENGTH]
    if status in UNAUTHORIZED:
        return fail(FailureCode.CREDENTIAL_REFUSED, status=status)
    if 300 <= status < 400:  # noqa: PLR2004 - a redirect is never followed: it may lead anywhere
        return fail(FailureCode.HOST_REFUSED, reason="redirect", status=status)
    if status == BUSY:
        return fail(FailureCode.HOST_BUSY, evidence=(message,))
    for pattern, code in _COMPILED:
        if pattern.search(message):
            return fail(code, evidence=(message,), **_params(code, message))
    if status == NOT_FOUND:
        return fail(FailureCode.ARTIFACT_MISSING, evidence=(message,))
    return fail(FailureCode.OLLAMA_REFUSED, evidence=(message,), url=url, message=message)


def _silence(cause: BaseException | None) -> FailureCode:
    """Return in which way it does not answer."""
    if isinstance(cause, httpx.TimeoutException):
        return FailureCode.CONNECTION_TIMEOUT
    if isinstance(cause, httpx.ConnectError):
        return FailureCode.CONNECTION_REFUSED
    if isinstance(cause, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError):
        return FailureCode.CONNECTION_LOST
    return FailureCode.HOST_UNREACHABLE


def _params(code: FailureCode, message: str) -> dict[str, object]:
    if code in {FailureCode.SOURCE_REFUSED, FailureCode.ARTIFACT_INVALID}:
        return {"reason": message}
    return {}
