"""An incremental parser of server-sent events (WHATWG HTML, section 9.2.6).

Bytes come in whatever pieces the network makes; any cut of the same bytes gives the same events.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

EVENT_LIMIT = 1 << 20  # bytes of one event; beyond it the engine is not speaking the protocol
_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")


class EventTooLargeError(ValueError):
    """One event, or one line, is over the limit."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event: its type (`message` unless named) and its data."""

    type: str
    data: str


class EventParser:
    """Feed it bytes, get whole events. Not usable again after it raised."""

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        self._limit = limit
        self._rest: list[bytes] = []  # the pieces of an unfinished line
        self._rest_size = 0
        self._started = False
        self._after_cr = False  # the last line ended with CR: a LF now belongs to it
        self._type = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[ServerEvent]:
        """Yield the events that end within `chunk`. Raises EventTooLargeError."""
        for line in self._lines(chunk):
            if line:
                self._field(line)
            elif (event := self._take()) is not None:
                yield event

    def _lines(self, chunk: bytes) -> Iterator[bytes]:
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        start = 0
        for end in _LINE_END.finditer(chunk):
            self._keep(chunk[start : end.start()])
            start = end.end()
            line, self._rest, self._rest_size = b"".join(self._rest), [], 0
            yield self._without_bom(line)
        self._after_cr = self._after_cr or (start == len(chunk) and chunk.endswith(b"\r"))
        self._keep(chunk[start:])

    def _keep(self, piece: bytes) -> None:
        self._rest_size += len(piece)
        if self._rest_size > self._limit:
            raise EventTooLargeError(self._limit)
        if piece:
            self._rest.append(piece)

    def _without_bom(self, line: bytes) -> bytes:
        if self._started:
            return line
        self._started = True
        return line.removeprefix(_BOM)

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._size += len(value) + 1
            if self._size > self._limit:
                raise EventTooLargeError(self._limit)
            self._data.append(value.decode("utf-8", "replace"))
        elif name == b"event":
            self._type = value.decode("utf-8", "replace")

    def _take(self) -> ServerEvent | None:
        type_, data = self._type or "message", self._data
        self._type, self._data, self._size = "", [], 0
        return ServerEvent(type_, "\n".join(data)) if data else None
