"""Lets a stream of events through and sees what matters: tokens, usage, errors, the end.

Whole events go out as they came, byte for byte; a half one waits, so that an engine which dies in
the middle of it leaves nothing unreadable. Any cut of the same bytes gives the same bytes, the same
figures and the same end: what is done with an event depends on the event alone.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from controlplane.gateway.meter import Meter
from controlplane.gateway.upstream import error_code, error_message
from models_app.domain.gateway import KeyRoute

HELD_LIMIT = 256 << 10  # bytes of one event; beyond it the engine is not speaking the protocol
DONE = "[DONE]"
_BLANK = re.compile(rb"(?:\r\n|\r(?!\n)|\n)(?:\r\n|\r(?!\n)|\n)")
_LINE = re.compile(rb"\r\n|\r|\n")


class _Anything(msgspec.Struct):
    """An object whose members are walked over."""


_walk = msgspec.json.Decoder(_Anything).decode
_decode = msgspec.json.Decoder().decode

# what has to be looked into, even in the middle of an answer
_MARKS: dict[KeyRoute, tuple[bytes, ...]] = {
    KeyRoute.CHAT: (b'"error"', b"[DONE]", b'"usage":{', b'"usage": {'),
    KeyRoute.COMPLETIONS: (b'"error"', b"[DONE]", b'"usage":{', b'"usage": {'),
    KeyRoute.RESPONSES: (b'"error"', b"response.completed", b"response.incomplete", b".failed"),
    KeyRoute.MESSAGES: (b'"error"', b"message_stop", b"message_delta", b"message_start"),
}


class StreamRefusedError(Exception):
    """The engine told an error in the middle of its stream."""

    def __init__(self, message: str, code: str) -> None:
        self.message = message
        self.code = code
        super().__init__(message)


class StreamMalformedError(Exception):
    """What came is not a stream of events of this protocol."""


class StreamReader:
    """Feed it bytes, send what it returns; then see whether it `ended`, or why it `failed`.

    `on_token` is called when tokens came; `hides_usage` keeps the event that only tells usage from
    a client who did not ask for it.
    """

    def __init__(
        self,
        route: KeyRoute,
        meter: Meter,
        on_token: Callable[[], None],
        *,
        hides_usage: bool = False,
    ) -> None:
        self.ended = False
        self.failed: StreamRefusedError | StreamMalformedError | None = None
        self._marks = _MARKS.get(route, ())
        self._route = route
        self._meter = meter
        self._on_token = on_token
        self._hides_usage = hides_usage
        self._rest = bytearray()
        self._started = False

    def feed(self, chunk: bytes) -> bytes:
        """Return what may go out now."""
        if self.ended or self.failed:
            return b""
        if self._started and not self._rest and self._is_plain_event(chunk):
            self._token()  # the way of almost every token
            return chunk
        return self._feed_slowly(chunk)

    def _is_plain_event(self, chunk: bytes) -> bool:
        """Return whether it is one whole event with one line of JSON, and nothing to look into."""
        if not (chunk.startswith(b"data: {") and chunk.endswith(b"}\n\n")) or b"\r" in chunk:
            return False
        if chunk.find(b"\n") != len(chunk) - 2 or self._is_marked(chunk):
            return False
        try:
            _walk(chunk[6:-2])
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return False
        return True

    def _feed_slowly(self, chunk: bytes) -> bytes:
        """Cut into events; a CR at the very end waits, since a LF may belong to it."""
        seen = max(0, len(self._rest) - 4)
        self._rest += chunk
        out: list[bytes] = []
        start = 0
        end_known = len(self._rest) - self._rest.endswith(b"\r")
        for blank in _BLANK.finditer(self._rest, seen):
            if blank.end() > end_known:
                break
            event = bytes(self._rest[start : blank.end()])
            start = blank.end()
            try:
                if self._passes(event):
                    out.append(event)
            except (StreamRefusedError, StreamMalformedError) as error:
                self.failed = error  # what came before it still goes out
            if self.ended or self.failed:
                return b"".join(out)
        del self._rest[:start]
        if len(self._rest) > HELD_LIMIT:
            self.failed = StreamMalformedError()
        return b"".join(out)

    def _passes(self, event: bytes) -> bool:
        """Take one event in; return whether the client gets it."""
        type_, data = _read(event)
        if data is None:
            return True  # a comment that keeps the connection awake
        if data == DONE:
            self.ended = True
            return True
        message = _decoded(type_, data)
        if self._started and not self._is_marked(event):
            self._token()
            return True
        if self._route is KeyRoute.RESPONSES:
            return self._look_at_response(message)
        if self._route is KeyRoute.MESSAGES:
            return self._look_at_message(message)
        return self._look_at_choices(message)

    def _look_at_choices(self, message: Mapping[str, Any]) -> bool:
        usage, choices = message.get("usage"), message.get("choices")
        if isinstance(usage, dict):
            self._meter.usage(usage)
        if any(_has_piece(choice) for choice in choices or () if isinstance(choice, dict)):
            self._token()
        return not (self._hides_usage and isinstance(usage, dict) and not choices)

    def _look_at_response(self, message: Mapping[str, Any]) -> bool:
        type_ = str(message.get("type"))
        if type_.endswith(".delta"):
            self._token()
        response = message.get("response")
        if type_ in ("response.completed", "response.incomplete", "response.failed"):
            self._take_usage(response)
            self.ended = True
        return True

    def _look_at_message(self, message: Mapping[str, Any]) -> bool:
        type_ = message.get("type")
        if type_ == "message_start":
            self._take_usage(message.get("message"))
        elif type_ == "message_delta":
            self._take_usage(message)
        elif type_ == "content_block_delta":
            self._token()
        elif type_ == "message_stop":
            self.ended = True
        return True

    def _take_usage(self, holder: object) -> None:
        usage = holder.get("usage") if isinstance(holder, dict) else None
        if isinstance(usage, dict):
            self._meter.usage(usage)

    def _is_marked(self, data: bytes) -> bool:
        return any(mark in data for mark in self._marks)

    def _token(self) -> None:
        self._started = True
        self._meter.token()
        self._on_token()


def _read(event: bytes) -> tuple[str, str | None]:
    """Return an event's type and data; None where it has none."""
    type_, data = "message", []
    for line in _LINE.split(event.removeprefix(b"\xef\xbb\xbf")):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data.append(value)
        elif name == b"event":
            type_ = value.decode("utf-8", "replace")
        elif name == b"error":  # how llama.cpp tells one in some versions
            type_, data = "error", [value]
    return type_, b"\n".join(data).decode("utf-8", "replace") if data else None


def _decoded(type_: str, data: str) -> Mapping[str, Any]:
    try:
        message = _decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise StreamMalformedError from None
    if not isinstance(message, dict):
        raise StreamMalformedError
    if type_ == "error" or message.get("error"):
        raw = data.encode()
        raise StreamRefusedError(error_message(raw), error_code(raw))
    return message


def _has_piece(choice: Mapping[str, Any]) -> bool:
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        return bool(choice.get("text"))
    return any(value for name, value in delta.items() if name != "role")
