"""The body of a request: counted while it is read, and looked at for a handful of fields only.

msgspec walks over everything else without making objects of it. A body is changed by putting bytes
in before its last brace; only where a field has to be replaced is the top level written anew (as in
`addressing.py`), its values still as they came.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from operator import attrgetter
from typing import Any

import msgspec

from controlplane.gateway.v1.bounds import (
    BOUNDS,
    invalid,
    refuse_deep,
    refuse_heavy,
    refuse_many,
    texts_in,
)
from controlplane.gateway.v1.errors import BodySlowError
from models_app.domain.errors import InvalidError, TooLargeError
from models_app.domain.request_bounds import RequestBounds

BODY_LIMIT = 4 << 20
_NOTHING = msgspec.Raw()
_LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "n_predict")
_SCHEMAS = (
    *("response_format", "tools", "functions", "text", "json_schema", "grammar"),
    *("guided_json", "guided_regex", "guided_grammar", "guided_choice", "structured_outputs"),
)

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
    n_predict: int | None = None  # llama.cpp's own; it goes before the others there
    n: int | None = None
    best_of: int | None = None
    stop: str | list[str] | None = None
    stop_sequences: list[str] | None = None  # Anthropic's word for it
    logprobs: bool | int | None = None
    top_logprobs: int | None = None
    n_probs: int | None = None
    prompt_cache_key: str | None = None
    # looked into only for how much they ask: `bounds.py`
    prompt: msgspec.Raw = _NOTHING
    input: msgspec.Raw = _NOTHING
    logit_bias: msgspec.Raw = _NOTHING
    response_format: msgspec.Raw = _NOTHING
    tools: msgspec.Raw = _NOTHING
    functions: msgspec.Raw = _NOTHING
    text: msgspec.Raw = _NOTHING
    json_schema: msgspec.Raw = _NOTHING
    grammar: msgspec.Raw = _NOTHING
    guided_json: msgspec.Raw = _NOTHING
    guided_regex: msgspec.Raw = _NOTHING
    guided_grammar: msgspec.Raw = _NOTHING
    guided_choice: msgspec.Raw = _NOTHING
    structured_outputs: msgspec.Raw = _NOTHING

    @property
    def lengths(self) -> list[int]:
        """Every length of the answer that the client names; engines differ in whom they obey."""
        return [length for length in _lengths(self) if length is not None]

    @property
    def wanted_tokens(self) -> int | None:
        """How long the answer may get at most, if the client says so; -1 is without an end."""
        lengths = self.lengths
        return -1 if min(lengths, default=0) < 0 else max(lengths, default=None)

    @property
    def answers(self) -> int:
        """How many answers are asked for: choices, for each text."""
        choices = max(self.n or 1, self.best_of or 1)
        return choices * (1 if self.prompt is _NOTHING else texts_in(self.prompt))


_DECIDING = frozenset((*_LENGTHS, "n", "best_of", "prompt"))
_FIELD = re.compile(r"at `\$\.?([^`\[.]*)|required field `([^`]*)`")
_fields = msgspec.json.Decoder(Fields)
_top_level = msgspec.json.Decoder(dict[str, msgspec.Raw])


async def read_body(receive: Receive, announced: str, limit: int, within_s: float) -> bytes:
    """Return the body. Raises TooLargeError as soon as it is, ClientLeftError, BodySlowError."""
    if announced.isdecimal() and int(announced) > limit:
        raise TooLargeError(params={"limit_bytes": limit})
    try:
        async with asyncio.timeout(within_s):
            return await _read_all(receive, limit)
    except TimeoutError:
        raise BodySlowError from None


async def _read_all(receive: Receive, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while (message := await receive())["type"] == "http.request":
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise TooLargeError(params={"limit_bytes": limit})
        pieces.append(piece)
        if not message.get("more_body"):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    raise ClientLeftError


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
    refuse_deep(body)
    _check(fields, BOUNDS)
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


_BOUNDED = (
    *("n", "best_of", "logprobs", "top_logprobs", "n_probs", "stop", "stop_sequences"),
    *("prompt", "input", "logit_bias", "tools", "functions", *_SCHEMAS),
)
_bounded = attrgetter(*_BOUNDED)
_NOTHING_ASKED = _bounded(Fields(model=""))
_lengths = attrgetter(*_LENGTHS)


def _check(fields: Fields, bounds: RequestBounds) -> None:
    for length in _lengths(fields):
        if length is not None and length > bounds.tokens:
            name = _LENGTHS[_lengths(fields).index(length)]
            raise invalid(name, f"at most {bounds.tokens} is taken")
    if _bounded(fields) != _NOTHING_ASKED:  # by almost no chat
        _check_asked(fields, bounds)


def _check_asked(fields: Fields, bounds: RequestBounds) -> None:
    for name, most in (
        *(("n", bounds.choices), ("best_of", bounds.choices), ("logprobs", bounds.logprobs)),
        *(("top_logprobs", bounds.logprobs), ("n_probs", bounds.logprobs)),
    ):
        value = getattr(fields, name)
        if value is not None and value > most:
            raise invalid(name, f"at most {most} is taken")
    if 0 in (fields.n, fields.best_of) or min(fields.n or 1, fields.best_of or 1) < 0:
        raise invalid("n", "1 at least is expected")
    _check_stops("stop", fields.stop, bounds)
    _check_stops("stop_sequences", fields.stop_sequences, bounds)
    refuse_many("prompt", fields.prompt, bounds.prompts)
    refuse_many("input", fields.input, bounds.prompts)
    refuse_many("logit_bias", fields.logit_bias, bounds.biases)
    refuse_many("tools", fields.tools, bounds.tools)
    refuse_many("functions", fields.functions, bounds.tools)
    schemas = {name: raw for name in _SCHEMAS if (raw := getattr(fields, name)) is not _NOTHING}
    if schemas:
        refuse_heavy(schemas, bounds)


def _check_stops(name: str, stop: str | list[str] | None, bounds: RequestBounds) -> None:
    stops = [stop] if isinstance(stop, str) else stop or []
    if len(stops) > bounds.stops:
        raise invalid(name, f"at most {bounds.stops} are taken")
    if sum(map(len, stops)) > bounds.stop_bytes:
        raise invalid(name, f"at most {bounds.stop_bytes} bytes are taken")


def refuse_second_spellings(body: bytes) -> None:
    """Raise InvalidError where a length or a number of answers comes in another spelling.

    Servers in Go take `MAX_TOKENS` for `max_tokens`: it would hold there, unseen here.
    """
    for key in _top_level.decode(body):
        name = key.casefold()
        if name != key and name in _DECIDING:
            raise invalid(name, "its name is spelled in small letters")


def _field_of(said: str) -> str:
    """Return the field that msgspec means: "... - at `$.stop[0]`", "... required field `x`"."""
    found = _FIELD.search(said)
    return (found[1] or found[2] or "body")[:40] if found else "body"
