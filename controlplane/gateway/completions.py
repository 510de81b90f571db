"""Reads a streamed chat completion of the OpenAI protocol as typed pieces, and measures it.

The stream is whole only when the engine says so: an end without `[DONE]` is an engine that died,
whatever came before.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from controlplane.gateway.errors import (
    EngineDiedError,
    EngineMalformedError,
    EngineRefusedError,
    RoutingError,
)
from controlplane.gateway.meter import Meter
from controlplane.gateway.sse import EventParser
from controlplane.gateway.upstream import Answer, error_message

END = "[DONE]"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the answer's text, or of the thinking before it."""

    kind: Literal["text", "thinking"]
    text: str


@dataclass(frozen=True, slots=True)
class ToolCallPiece:
    """A piece of a call that the model wants made; pieces of one `index` belong together."""

    index: int
    name: str
    arguments: str


class ChatStream:
    """One streamed chat completion. Iterate `pieces`; `finish_reason` is known after the end."""

    def __init__(self, answer: Answer, meter: Meter) -> None:
        self.finish_reason = ""
        self._answer = answer
        self._meter = meter
        self._parser = EventParser()
        self._ended = False

    async def pieces(self) -> AsyncIterator[Piece | ToolCallPiece]:
        """Yield the pieces as they come. Raises RoutingError."""
        if "text/event-stream" not in self._answer.headers.get("content-type", ""):
            raise self._error(EngineMalformedError)
        async for chunk in self._answer.chunks():
            for piece in self._read(chunk):
                self._answer.patience.progress()
                self._meter.token()
                yield piece
            if self._ended:
                return
        raise self._error(EngineDiedError)

    def _read(self, chunk: bytes) -> Iterator[Piece | ToolCallPiece]:
        try:
            for event in self._parser.feed(chunk):
                if event.data == END:
                    self._ended = True
                    return
                yield from self._event(event.type, event.data)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise self._error(EngineMalformedError) from error

    def _event(self, type_: str, data: str) -> Iterator[Piece | ToolCallPiece]:
        message: Mapping[str, Any] = json.loads(data)
        if type_ == "error" or message.get("error"):
            raise self._error(EngineRefusedError, message=error_message(data.encode()))
        if message.get("usage"):
            self._meter.usage(message["usage"])
        for choice in message.get("choices") or ():
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
            yield from _pieces(choice.get("delta") or {})

    def _error(self, kind: type[RoutingError], **params: object) -> RoutingError:
        replica = self._answer.replica
        return kind(params={"workload": replica.workload, "host": replica.host} | params)


def thinking_of(message: Mapping[str, Any]) -> str:
    """Return what a message or a piece of one says of thinking: llama.cpp and Ollama differ."""
    return _text(message.get("reasoning_content") or message.get("reasoning") or "")


def _pieces(delta: Mapping[str, Any]) -> Iterator[Piece | ToolCallPiece]:
    thinking = thinking_of(delta)
    if thinking:
        yield Piece("thinking", thinking)
    if delta.get("content"):
        yield Piece("text", _text(delta["content"]))
    for call in delta.get("tool_calls") or ():
        function = call.get("function") or {}
        yield ToolCallPiece(
            int(call.get("index") or 0),
            _text(function.get("name") or ""),
            _text(function.get("arguments") or ""),
        )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(type(value).__name__)
    return value
