"""The body of a request: counted while it is read, and looked at for a handful of fields only.

msgspec walks over everything else without making objects of it. A body is changed by putting bytes
in before its last brace; only where a field has to be replaced is the top level written anew (as in
`addressing.py`), its values still as they came.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from controlplane.gateway.v1.errors import BodySlowError
from models_app.domain.errors import InvalidError, TooLargeError

BODY_LIMIT = 4 << 20
CHOICES_LIMIT = 4
STOPS_LIMIT = 16
TOKENS_LIMIT = 10_000_000

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class ClientLeftError(Exception):
    """The client hung up before its request was whole."""


class Fields(msgspec.Struct):
    """What the gateway reads of a request of any kind. Everything else is not its business."""

    model: str
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None
    n: int | None = None
    best_of: int | None = None
    stop: str | list[str] | None = None
    prompt_cache_key: str | None = None

    @property
    def wanted_tokens(self) -> int | None:
        """How long the answer may get, if the client says so; engines differ in whom they obey."""
        named = (self.max_completion_tokens, self.max_tokens, self.max_output_tokens)
        return max((wanted for wanted in named if wanted is not None), default=None)


_FIELD = re.compile(r"at `\$\.?([^`\[.]*)|required field `([^`]*)`")
_fields = msgspec.json.Decoder(Fields)
_top_level = msgspec.json.Decoder(dict[str, msgspec.Raw])


async def read_body(receive: Receive, announced: str, within_s: float) -> bytes:
    """Return the body. Raises TooLargeError as soon as it is, ClientLeftError, BodySlowError."""
    if announced.isdecimal() and int(announced) > BODY_LIMIT:
        raise TooLargeError(params={"limit_bytes": BODY_LIMIT})
    try:
        async with asyncio.timeout(within_s):
            return await _read_all(receive)
    except TimeoutError:
        raise BodySlowError from None


async def _read_all(receive: Receive) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while (message := await receive())["type"] == "http.request":
        piece = _counted(message.get("body", b""), size)
        size += len(piece)
        pieces.append(piece)
        if not message.get("more_body"):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    raise ClientLeftError


def _counted(piece: bytes, before: int) -> bytes:
    if before + len(piece) > BODY_LIMIT:
        raise TooLargeError(params={"limit_bytes": BODY_LIMIT})
    return piece


def read_fields(body: bytes) -> Fields:
    """Return what matters of a body. Raises InvalidError with the field that is wrong."""
    try:
        fields = _fields.decode(body)
    except msgspec.ValidationError as error:
        field = _field_of(str(error))
        raise InvalidError(
            "BODY_FIELD_INVALID",
            params={"field": field, "detail": str(error)[:200]},
            fields={field: "VALUE_INVALID"},
        ) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidError("BODY_NOT_JSON", params={"detail": str(error)[:200]}) from None
    _check(fields)
    return fields


def with_stream_usage(body: bytes, fields: Fields) -> bytes | None:
    """Return the body asking for usage at the end of its stream; None when it does already."""
    if fields.stream_options is None:
        return with_added(body, b'"stream_options":{"include_usage":true}')
    if fields.stream_options.get("include_usage") is True:
        return None
    top: dict[str, Any] = _top_level.decode(body)
    top["stream_options"] = {**fields.stream_options, "include_usage": True}
    return msgspec.json.encode(top)


def with_added(body: bytes, member: bytes) -> bytes:
    """Return the body, an object with one member or more, with another one at its end."""
    end = body.rindex(b"}")
    return b"".join((body[:end], b",", member, body[end:]))


def _check(fields: Fields) -> None:
    for name in ("n", "best_of"):
        value = getattr(fields, name)
        if value is not None and not 1 <= value <= CHOICES_LIMIT:
            raise _invalid(name, f"1 to {CHOICES_LIMIT} is expected")
    if isinstance(fields.stop, list) and len(fields.stop) > STOPS_LIMIT:
        raise _invalid("stop", f"at most {STOPS_LIMIT} are taken")
    for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
        value = getattr(fields, name)
        if value is not None and value > TOKENS_LIMIT:
            raise _invalid(name, f"at most {TOKENS_LIMIT} is taken")


def _invalid(field: str, detail: str) -> InvalidError:
    return InvalidError(
        "BODY_FIELD_INVALID",
        params={"field": field, "detail": detail},
        fields={field: "VALUE_INVALID"},
    )


def _field_of(said: str) -> str:
    """Return the field that msgspec means: "... - at `$.stop[0]`", "... required field `x`"."""
    found = _FIELD.search(said)
    return (found[1] or found[2] or "body")[:40] if found else "body"
