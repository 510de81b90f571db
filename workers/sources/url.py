"""Model files from web addresses: resumed behind the last byte, every hop of a redirect guarded.

The connection goes to an address that the guard has checked, under the name that was asked for, so
that a name that resolves differently a moment later leads nowhere new.
"""

import errno
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from models_app.domain.addresses import Resolver, resolve
from models_app.domain.failures import FailureCode, fail
from models_app.domain.names import safe_file_name
from models_app.domain.specs import Transfer
from workers.sources.base import Description, promised_sha256
from workers.sources.copying import check_space, write_at
from workers.sources.streams import STREAMS, Stream
from workers.sources.web import PARTIAL, RANGE_UNKNOWN, READ_S, Web, validators_of, whole_size

STALLED_S = 30.0  # without a byte


class UrlSource:
    """`{"url": "https://…"}`. `allow` names networks that are local and yet wanted."""

    key = "url"

    def __init__(self, *, allow: Sequence[str] = (), resolver: Resolver = resolve) -> None:
        self._web = Web(allow, resolver)

    def describe(self, reference: Mapping[str, Any]) -> Description:
        """Ask for the first byte: its headers say the size, and whether it can be resumed."""
        url = str(reference.get("url", ""))
        with ExitStack() as closing:
            response = self._web.open(url, {"Range": "bytes=0-0"}, closing)
            name = PurePosixPath(unquote(urlsplit(url).path)).name
            return Description(
                file_name=safe_file_name(name or "model.gguf"),
                size_bytes=whole_size(response),
                sha256=promised_sha256(reference),
                validators=validators_of(response),
            )

    def fetch(
        self,
        reference: Mapping[str, Any],
        description: Description,
        part: Path,
        *,
        seconds: float,
    ) -> Transfer:
        """Append what comes within `seconds`; of silence, READ_S more at most."""
        until = time.monotonic() + seconds
        have, size = _size_of(part), description.size_bytes
        if size is not None:
            if have > size:
                raise _changed(part, was=size, now=have)
            if have == size and part.exists():
                return Transfer(have, size, finished=True, path=str(part))
            check_space(part, size)
        stream = STREAMS.take(part, have) or self._begin(reference, description, part, have)
        if stream is None:  # the server says that there is no more than what is here
            return Transfer(have, have, finished=True, path=str(part))
        done, is_end = _append(stream, part, until)
        is_whole = done == size if size is not None else is_end
        if not is_whole:
            _check_alive(part, grew=done != have)
        return Transfer(done, size, finished=is_whole, path=str(part))

    def _begin(
        self, reference: Mapping[str, Any], description: Description, part: Path, have: int
    ) -> Stream | None:
        """Ask for what is missing; None when nothing is."""
        closing = ExitStack()
        with ExitStack() as failing:
            failing.push(closing.__exit__)
            headers = _range_headers(have, description)
            answer = self._web.open(str(reference.get("url", "")), headers, closing)
            if answer.status_code == RANGE_UNKNOWN:
                if whole_size(answer) == have and description.size_bytes is None:
                    return None
                raise _changed(part, was=description.size_bytes, now=whole_size(answer))
            _check_unchanged(answer, description, part)
            if have and answer.status_code != PARTIAL:
                part.unlink(missing_ok=True)  # the server cannot resume: from the beginning
                have = 0
            failing.pop_all()
        can_resume = answer.status_code == PARTIAL or answer.headers.get("accept-ranges") == "bytes"
        return Stream(answer.iter_raw(), closing, have, can_resume=can_resume)


def _append(stream: Stream, part: Path, until: float) -> tuple[int, bool]:
    """Write what comes; return (size of the part, whether the answer came to its end).

    Time is up: the answer is kept for the next slice. Cut off: what came is kept, and the next
    slice asks for what is behind it; a server that cannot resume ends the work with SOURCE_CUT.
    """
    is_kept = False
    try:
        with write_at(part, stream.offset) as file:
            for chunk in stream.chunks:
                file.write(chunk)
                if time.monotonic() >= until:
                    file.flush()
                    stream.offset = file.tell()
                    STREAMS.keep(part, stream)
                    is_kept = True
                    return file.tell(), False
            return file.tell(), True
    except httpx.HTTPError:
        done = _size_of(part)
        if not stream.can_resume:
            raise fail(FailureCode.SOURCE_CUT, done_bytes=done) from None
        return done, False
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise fail(FailureCode.DISK_FULL, path=str(part.parent)) from error
        raise
    finally:
        if not is_kept:
            stream.close()


def _check_alive(part: Path, *, grew: bool) -> None:
    """Raise FailureError SOURCE_STALLED when nothing came for so long; the file's time remembers.

    A file that is older than any pause between slices was left alone, not stalled.
    """
    silent = time.time() - part.stat().st_mtime
    if grew or silent < STALLED_S:
        return
    os.utime(part)  # the next try has its own time
    if silent < 3 * STALLED_S + READ_S:
        raise fail(FailureCode.SOURCE_STALLED, seconds=STALLED_S)


def _range_headers(have: int, description: Description) -> dict[str, str]:
    if not have:
        return {}
    headers = {"Range": f"bytes={have}-"}
    etag = description.validators.get("etag", "")
    if etag and not etag.startswith("W/"):
        headers["If-Range"] = etag
    return headers


def _check_unchanged(answer: httpx.Response, description: Description, part: Path) -> None:
    now = validators_of(answer)
    for name, before in description.validators.items():
        if name in now and now[name] != before:
            raise _changed(part, was=before, now=now[name])
    size = whole_size(answer)
    if size is not None and description.size_bytes not in {None, size}:
        raise _changed(part, was=description.size_bytes, now=size)


def _changed(part: Path, *, was: object, now: object) -> Exception:
    """What is offered is not what was begun: nothing of it is kept."""
    part.unlink(missing_ok=True)
    return fail(FailureCode.SOURCE_CHANGED, was=was, now=now)


def _size_of(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
