"""Asks a running engine how it is. Short timeouts, no retries: the reconciler comes again."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

import httpx

COMPLETION_TIMEOUT_S = 30.0  # for one token, on a busy small machine
READ_TIMEOUT_S = 10.0
LONG_S = 1800.0  # for a model to be loaded; the engine itself gives up a load that stalls
_NO_KEPT = httpx.Limits(max_keepalive_connections=0)
PAGE_LIMIT = 4 << 20  # bytes of a page of figures
ANSWER_LIMIT = 2000  # characters of an error page kept as evidence


class Health(StrEnum):
    """What the health page says."""

    OK = "ok"
    LOADING = "loading"
    SILENT = "silent"
    ILL = "ill"


@dataclass(frozen=True, slots=True)
class Answer:
    """How a probe went, with what the engine said when it went badly."""

    health: Health
    text: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """How to get in at a server that others own: what sets the credential, whom to trust."""

    credential: Callable[[httpx.Request], httpx.Request] = field(repr=False)
    tls: ssl.SSLContext | bool = True


def ask_health(address: str, path: str, *, timeout_s: float, entry: Entry | None = None) -> Answer:
    """Read the health page. 503 means loading, as llama.cpp and vLLM say it."""
    try:
        status, text = _read(address, path, timeout_s=timeout_s, entry=entry)
    except (httpx.HTTPError, HTTPException, OSError) as error:
        return Answer(Health.SILENT, repr(error))
    if httpx.codes.is_success(status):
        return Answer(Health.OK)
    if status == httpx.codes.SERVICE_UNAVAILABLE:
        return Answer(Health.LOADING)
    return Answer(Health.ILL, f"{status} {text[:ANSWER_LIMIT]}")


def ask_for_one_token(
    address: str, path: str, body: Mapping[str, Any], entry: Entry | None = None
) -> Answer:
    """Have the engine really complete something: listening is not serving."""
    try:
        response = _client(entry).post(
            f"{base_url(address)}{path}", json=dict(body), timeout=COMPLETION_TIMEOUT_S
        )
    except httpx.HTTPError as error:
        return Answer(Health.SILENT, repr(error))
    if response.is_success:
        return Answer(Health.OK)
    return Answer(Health.ILL, f"{response.status_code} {response.text[:ANSWER_LIMIT]}")


def ask_at_length(
    address: str, path: str, body: Mapping[str, Any], entry: Entry | None = None
) -> Answer:
    """Ask for something that may take minutes, such as loading a model. For held requests only."""
    timeout = httpx.Timeout(LONG_S, connect=5.0)
    try:
        response = _client(entry).post(
            f"{base_url(address)}{path}", json=dict(body), timeout=timeout
        )
    except httpx.HTTPError as error:
        return Answer(Health.SILENT, repr(error))
    if response.is_success:
        return Answer(Health.OK)
    if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return Answer(Health.LOADING, response.text[:ANSWER_LIMIT])
    return Answer(Health.ILL, f"{response.status_code} {response.text[:ANSWER_LIMIT]}")


def read_answer(
    address: str, path: str, body: Mapping[str, Any], entry: Entry | None = None
) -> tuple[Answer, str]:
    """Ask for something short; return how it went, and all of what was answered."""
    try:
        response = _client(entry).post(
            f"{base_url(address)}{path}", json=dict(body), timeout=READ_TIMEOUT_S
        )
    except httpx.HTTPError as error:
        return Answer(Health.SILENT, repr(error)), ""
    if response.is_success:
        return Answer(Health.OK), response.text
    return Answer(Health.ILL, f"{response.status_code} {response.text[:ANSWER_LIMIT]}"), ""


def read_metrics(address: str, path: str, *, timeout_s: float) -> str | None:
    """Return the text of the metrics page; None when it is not to be had now."""
    try:
        status, text = _read(address, path, timeout_s=timeout_s, entry=None)
    except (httpx.HTTPError, HTTPException, OSError):
        return None
    return text if httpx.codes.is_success(status) else None


def _read(address: str, path: str, *, timeout_s: float, entry: Entry | None) -> tuple[int, str]:
    """Return status and text of a page, over a connection of its own."""
    url = urlsplit(f"{base_url(address)}{path}")
    if entry is not None or url.scheme != "http":
        response = _client(entry).get(url.geturl(), timeout=timeout_s)
        return response.status_code, response.text
    # Thousands of these are asked a minute: the standard library's client costs half as much.
    connection = HTTPConnection(url.hostname or "", url.port, timeout=timeout_s)
    try:
        connection.request("GET", url.path)
        answer = connection.getresponse()
        return answer.status, answer.read(PAGE_LIMIT).decode(errors="replace")
    finally:
        connection.close()


def base_url(address: str) -> str:
    """Return the URL of an address: `host:port`, or one that says its scheme itself."""
    return address if "://" in address else f"http://{address}"


def _client(entry: Entry | None) -> httpx.Client:
    """Return a client that keeps no connection, so each probe proves that the engine accepts."""
    if entry is None:
        return _plain_client()
    return httpx.Client(trust_env=False, limits=_NO_KEPT, auth=entry.credential, verify=entry.tls)


@cache
def _plain_client() -> httpx.Client:
    """Return this process's client: to build one per probe, with its TLS context, costs more
    than the probe."""
    return httpx.Client(trust_env=False, limits=_NO_KEPT)
