"""Model files from web addresses: resumed behind the last byte, every hop of a redirect guarded.

The connection goes to an address that the guard has checked, under the name that was asked for, so
that a name that resolves differently a moment later leads nowhere new.
"""

import errno
import ipaddress
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from models_app.domain.addresses import Network, Resolver, resolve
from models_app.domain.errors import InvalidError
from models_app.domain.failures import FailureCode, fail
from models_app.domain.names import safe_file_name
from models_app.domain.specs import Transfer
from models_app.domain.urls import GuardedUrl, guard_url
from workers.sources.base import Description, promised_sha256
from workers.sources.copying import check_space

TIMEOUT = httpx.Timeout(connect=10.0, read=30.0, write=10.0, pool=10.0)
REDIRECTS = 5
CHUNK = 1 << 20
RETRY_AFTER_LIMIT_S = 600.0
PARTIAL = httpx.codes.PARTIAL_CONTENT


class UrlSource:
    """`{"url": "https://…"}`. `allow` names networks that are local and yet wanted."""

    key = "url"

    def __init__(self, *, allow: Sequence[str] = (), resolver: Resolver = resolve) -> None:
        self._allow: tuple[Network, ...] = tuple(ipaddress.ip_network(text) for text in allow)
        self._resolver = resolver

    def describe(self, reference: Mapping[str, Any]) -> Description:
        """Ask for the first byte: its headers say the size, and whether it can be resumed."""
        url = str(reference.get("url", ""))
        with self._open(url, {"Range": "bytes=0-0"}) as response:
            name = PurePosixPath(unquote(urlsplit(url).path)).name
            return Description(
                file_name=safe_file_name(name or "model.gguf"),
                size_bytes=_whole_size(response),
                sha256=promised_sha256(reference),
                validators=_validators(response),
            )

    def fetch(
        self,
        reference: Mapping[str, Any],
        description: Description,
        part: Path,
        *,
        seconds: float,
    ) -> Transfer:
        """Append what comes within `seconds`."""
        until = time.monotonic() + seconds
        have = part.stat().st_size if part.exists() else 0
        size = description.size_bytes
        if size is not None:
            check_space(part, size)
            if have >= size:
                return Transfer(have, size, finished=have == size, path=str(part))
        with self._open(str(reference.get("url", "")), _range_headers(have, description)) as answer:
            _check_unchanged(answer, description, part)
            if have and answer.status_code != PARTIAL:
                part.unlink(missing_ok=True)  # the server cannot resume: from the beginning
                have = 0
            done, is_end = _append(answer, part, until)
        is_whole = done == size if size is not None else is_end
        return Transfer(done, size, finished=is_whole, path=str(part))

    @contextmanager
    def _open(self, url: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        for _ in range(REDIRECTS + 1):
            guarded = self._guard(url)
            with _client() as client:
                request = _request(client, guarded, headers)
                try:
                    response = client.send(request, stream=True)
                except httpx.HTTPError as error:
                    raise _unreachable(guarded, error) from error
                try:
                    if not response.is_redirect:
                        _check_status(response, guarded)
                        yield response
                        return
                    url = urljoin(url, response.headers.get("location", ""))
                except httpx.HTTPError as error:
                    raise _unreachable(guarded, error) from error
                finally:
                    response.close()
        raise fail(FailureCode.SOURCE_REFUSED, reason="redirects", url=url[:200])

    def _guard(self, url: str) -> GuardedUrl:
        try:
            return guard_url(url, allow=self._allow, resolver=self._resolver)
        except InvalidError as error:
            raise fail(FailureCode.SOURCE_REFUSED, reason=error.code, url=url[:200]) from None
        except OSError as error:
            raise fail(FailureCode.SOURCE_UNREACHABLE, url=url[:200], reason=str(error)) from error


def _client() -> httpx.Client:
    # trust_env False: a proxy from the environment would connect past the guard.
    return httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False)


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


def _append(answer: httpx.Response, part: Path, until: float) -> tuple[int, bool]:
    """Write what comes; return (size of the part, whether the answer came to its end)."""
    try:
        with part.open("ab") as file:
            for chunk in answer.iter_raw(CHUNK):
                file.write(chunk)
                if time.monotonic() >= until:
                    return file.tell(), False
            return file.tell(), True
    except httpx.ReadTimeout as error:
        raise fail(FailureCode.SOURCE_STALLED, seconds=TIMEOUT.read) from error
    except httpx.HTTPError:
        # Cut off on the way: what came is kept, the next slice goes on behind it.
        return part.stat().st_size, False
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise fail(FailureCode.DISK_FULL, path=str(part.parent)) from error
        raise


def _check_status(response: httpx.Response, guarded: GuardedUrl) -> None:
    code = response.status_code
    if code in {httpx.codes.OK, PARTIAL}:
        return
    details: dict[str, Any] = {"status": code, "url": guarded.url[:200]}
    if code in {429, 503}:
        details["retry_after_s"] = _retry_after(response)
    if code in {408, 425, 429} or code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise fail(FailureCode.SOURCE_UNREACHABLE, **details)
    raise fail(FailureCode.SOURCE_REFUSED, **details)


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return min(float(text), RETRY_AFTER_LIMIT_S) if text.isdigit() else None


def _range_headers(have: int, description: Description) -> dict[str, str]:
    if not have:
        return {}
    headers = {"Range": f"bytes={have}-"}
    etag = description.validators.get("etag", "")
    if etag and not etag.startswith("W/"):
        headers["If-Range"] = etag
    return headers


def _check_unchanged(answer: httpx.Response, description: Description, part: Path) -> None:
    now = _validators(answer)
    for name, before in description.validators.items():
        if name in now and now[name] != before:
            part.unlink(missing_ok=True)
            raise fail(FailureCode.SOURCE_CHANGED, was=before, now=now[name])
    size = _whole_size(answer)
    if size is not None and description.size_bytes not in {None, size}:
        part.unlink(missing_ok=True)
        raise fail(FailureCode.SOURCE_CHANGED, was=description.size_bytes, now=size)


def _validators(response: httpx.Response) -> dict[str, str]:
    found = {
        "etag": response.headers.get("etag"),
        "modified": response.headers.get("last-modified"),
    }
    return {name: value for name, value in found.items() if value}


def _whole_size(response: httpx.Response) -> int | None:
    if response.status_code == PARTIAL:
        total = response.headers.get("content-range", "").rpartition("/")[2]
        return int(total) if total.isdigit() else None
    length = response.headers.get("content-length", "")
    return int(length) if length.isdigit() else None


def _unreachable(guarded: GuardedUrl, error: Exception) -> Exception:
    return fail(FailureCode.SOURCE_UNREACHABLE, url=guarded.url[:200], reason=repr(error))
