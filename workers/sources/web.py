"""Opens web addresses for sources: guarded at every hop, with an end to every wait."""

import ipaddress
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any
from urllib.parse import urljoin

import httpx

from models_app.domain.addresses import Network, Resolver
from models_app.domain.errors import InvalidError
from models_app.domain.failures import FailureCode, fail
from models_app.domain.urls import GuardedUrl, guard_url

CONNECT_S = 5.0
READ_S = 6.0  # with a slice of two seconds: a cancelled download ends within ten
HOPS_S = 8.0  # for all redirects together
REDIRECTS = 5
RETRY_AFTER_LIMIT_S = 600.0
PARTIAL, RANGE_UNKNOWN = httpx.codes.PARTIAL_CONTENT, httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE


class Web:
    """The web as sources may see it: `allow` names networks that are local and yet wanted."""

    def __init__(self, allow: Sequence[str], resolver: Resolver) -> None:
        self._allow: tuple[Network, ...] = tuple(ipaddress.ip_network(text) for text in allow)
        self._resolver = resolver

    def open(self, url: str, headers: Mapping[str, str], closing: ExitStack) -> httpx.Response:
        """Return the answer, unread; `closing` hangs up.

        Raises FailureError SOURCE_REFUSED (a forbidden address, a loop, a status that says no) or
        SOURCE_UNREACHABLE. RANGE_UNKNOWN is an answer like any other.
        """
        until = time.monotonic() + HOPS_S
        for _ in range(REDIRECTS + 1):
            guarded = self._guard(url)
            response = _send(guarded, headers, closing)
            if not response.is_redirect:
                _check_status(response, guarded)
                return response
            closing.pop_all().close()
            url = urljoin(url, response.headers.get("location", ""))
            if time.monotonic() > until:
                raise fail(FailureCode.SOURCE_UNREACHABLE, url=url[:200], reason="redirects")
        raise fail(FailureCode.SOURCE_REFUSED, reason="redirects", url=url[:200])

    def _guard(self, url: str) -> GuardedUrl:
        try:
            return guard_url(url, allow=self._allow, resolver=self._resolver)
        except InvalidError as error:
            raise fail(FailureCode.SOURCE_REFUSED, reason=error.code, url=url[:200]) from None
        except OSError as error:
            raise fail(FailureCode.SOURCE_UNREACHABLE, url=url[:200], reason=str(error)) from error


def validators_of(response: httpx.Response) -> dict[str, str]:
    """Return what tells one version of a file from another."""
    found = {
        "etag": response.headers.get("etag"),
        "modified": response.headers.get("last-modified"),
    }
    return {name: value for name, value in found.items() if value}


def whole_size(response: httpx.Response) -> int | None:
    """Return the size of the whole file, also from an answer with a part of it."""
    if response.status_code in {PARTIAL, RANGE_UNKNOWN}:
        total = response.headers.get("content-range", "").rpartition("/")[2]
        return int(total) if total.isdigit() else None
    length = response.headers.get("content-length", "")
    return int(length) if length.isdigit() else None


def _send(guarded: GuardedUrl, headers: Mapping[str, str], closing: ExitStack) -> httpx.Response:
    # trust_env False: a proxy from the environment would connect past the guard.
    timeout = httpx.Timeout(connect=CONNECT_S, read=READ_S, write=READ_S, pool=CONNECT_S)
    client = closing.enter_context(
        httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False)
    )
    try:
        response = client.send(_request(client, guarded, headers), stream=True)
    except httpx.HTTPError as error:
        reason = type(error).__name__
        raise fail(
            FailureCode.SOURCE_UNREACHABLE,
            url=guarded.url[:200],
            host=guarded.host,
            reason=reason,
        ) from error
    closing.callback(response.close)
    return response


def _request(
    client: httpx.Client, guarded: GuardedUrl, headers: Mapping[str, str]
) -> httpx.Request:
    """Return a request to the checked address that carries the asked name."""
    address = guarded.addresses[0]
    target = f"[{address}]" if ":" in address else address
    default = {"http": 80, "https": 443}[guarded.scheme]
    name = guarded.host if guarded.port == default else f"{guarded.host}:{guarded.port}"
    return client.build_request(
        "GET",
        f"{guarded.scheme}://{target}:{guarded.port}{guarded.path}",
        headers={"Host": name, "Accept-Encoding": "identity", **headers},
        extensions={"sni_hostname": guarded.host},
    )


def _check_status(response: httpx.Response, guarded: GuardedUrl) -> None:
    code = response.status_code
    if code in {httpx.codes.OK, PARTIAL, RANGE_UNKNOWN}:
        return
    details: dict[str, Any] = {"status": code, "url": guarded.url[:200], "host": guarded.host}
    if code in {429, 503}:
        details["retry_after_s"] = _retry_after(response)
    if code in {408, 425, 429} or code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise fail(FailureCode.SOURCE_UNREACHABLE, reason=f"status {code}", **details)
    raise fail(FailureCode.SOURCE_REFUSED, **details)


def _retry_after(response: httpx.Response) -> float | None:
    """Return how long the server asks to be left alone; a date or nothing at all is None."""
    text = response.headers.get("retry-after", "")
    return min(float(text), RETRY_AFTER_LIMIT_S) if text.isdigit() else None
