"""How an error is told in each dialect: the status, the headers, the body, the event of a stream.

The words are those of the pages, in English: programs and their authors read them.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils import translation

from controlplane.gateway.errors import EngineRefusedError
from controlplane.gateway.v1.errors import LimitedError
from controlplane.gateway.v1.spoken import Dialect
from controlplane.wording.routing import routing_error_text
from models_app.domain.errors import SlipwayError

LOADING_RETRY_S = 5
LOADING_LONGEST_S = 300
AWAY_RETRY_S = 2
# our code -> OpenAI's type and code, where programs look for those
_KNOWN: dict[str, tuple[str, str]] = {
    "KEY_INVALID": ("invalid_request_error", "invalid_api_key"),
    "KEY_MISSING": ("invalid_request_error", "invalid_api_key"),
    "KEY_REVOKED": ("invalid_request_error", "invalid_api_key"),
    "ROUTE_NOT_ALLOWED": ("invalid_request_error", "route_not_allowed"),
    "MODEL_NOT_FOUND": ("invalid_request_error", "model_not_found"),
    "URL_UNKNOWN": ("invalid_request_error", "unknown_url"),
    "METHOD_NOT_ALLOWED": ("invalid_request_error", "method_not_supported"),
    "BODY_NOT_JSON": ("invalid_request_error", "invalid_json"),
    "BODY_FIELD_INVALID": ("invalid_request_error", "invalid_value"),
    "TOO_LARGE": ("invalid_request_error", "request_too_large"),
    "RATE_LIMITED": ("requests", "rate_limit_exceeded"),
    "TOKENS_LIMITED": ("tokens", "rate_limit_exceeded"),
    "CONCURRENCY_LIMITED": ("requests", "rate_limit_exceeded"),
    "QUOTA_SPENT": ("insufficient_quota", "insufficient_quota"),
}
_ENGINES_CODES = {"exceed_context_size_error": "context_length_exceeded"}
_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
}


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error as it goes out."""

    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


def error_answer(error: SlipwayError, dialect: Dialect) -> ErrorAnswer:
    """Return an error as a whole answer."""
    headers = [(b"content-type", b"application/json")]
    wait_s = retry_after_s(error)
    if wait_s is not None:
        headers.append((b"retry-after", b"%d" % wait_s))
    if error.code == "QUOTA_SPENT":
        headers.append((b"x-should-retry", b"false"))
    if status_of(error) == 401:  # noqa: PLR2004
        headers.append((b"www-authenticate", b"Bearer"))
    if isinstance(error, LimitedError):
        headers.extend(error.headers)
    return ErrorAnswer(status_of(error), json.dumps(_content(error, dialect)).encode(), headers)


def error_event(error: SlipwayError, path: str, dialect: Dialect) -> bytes:
    """Return an error as the last event of a stream that has begun."""
    content = _content(error, dialect)
    if dialect is Dialect.OLLAMA:
        return json.dumps(content).encode() + b"\n"
    if path == "/v1/responses":
        content = {"type": "error", **content["error"]}
    named = b"event: error\n" if path in ("/v1/responses", "/v1/messages") else b""
    return named + b"data: " + json.dumps(content).encode() + b"\n\n"


def status_of(error: SlipwayError) -> int:
    """Return the status of an error; an engine's refusal keeps its own."""
    if isinstance(error, EngineRefusedError):
        said = error.params.get("engine_status")
        return said if isinstance(said, int) and 400 <= said <= 599 else 502  # noqa: PLR2004
    return error.status


def retry_after_s(error: SlipwayError) -> int | None:
    """Return after how many seconds it is worth trying again; None when it is not."""
    wait = error.params.get("wait_s")
    if isinstance(wait, int | float):
        return max(1, math.ceil(wait))
    if error.code == "NO_READY_REPLICA":
        left = (error.params.get("progress") or {}).get("left_s")
        return max(1, min(left, LOADING_LONGEST_S)) if isinstance(left, int) else LOADING_RETRY_S
    return AWAY_RETRY_S if status_of(error) == 503 else None  # noqa: PLR2004


def _content(error: SlipwayError, dialect: Dialect) -> dict[str, Any]:
    message = _message(error)
    if dialect is Dialect.OLLAMA:
        return {"error": message}
    status = status_of(error)
    if dialect is Dialect.ANTHROPIC:
        type_ = _ANTHROPIC_TYPES.get(status, "api_error")
        return {"type": "error", "error": {"type": type_, "message": message}}
    type_, code = _KNOWN.get(error.code) or _by_status(error, status)
    param = next(iter(error.fields), None)
    told = {"message": message, "type": type_, "param": param, "code": code}
    return {"error": told | _waiting(error.params)}


def _waiting(params: Mapping[str, Any]) -> dict[str, Any]:
    """What a program can show while it waits: its place in line, or how far loading has come."""
    place = {name: params[name] for name in ("position", "wait_s") if name in params}
    return place | ({"progress": params["progress"]} if params.get("progress") else {})


def _by_status(error: SlipwayError, status: int) -> tuple[str, str]:
    code = error.code.lower()
    if isinstance(error, EngineRefusedError):
        said = str(error.params.get("engine_code") or "")
        code = _ENGINES_CODES.get(said, said or code)
    return ("server_error" if status >= 500 else "invalid_request_error"), code  # noqa: PLR2004


def _message(error: SlipwayError) -> str:
    if isinstance(error, EngineRefusedError) and error.params.get("message"):
        return str(error.params["message"])  # the engine's own words, which programs may know
    with translation.override("en"):
        said = routing_error_text(error)
    return f"{said.sentence} {said.remedy}".strip()
