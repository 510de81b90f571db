"""Measures one answer: time to its first token, tokens, tokens per second."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

_NAMES = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "input_tokens_details": "prompt_tokens_details",
}


class Figures(Struct, frozen=True):
    """What an answer took. None means not known; `counted` says who counted the tokens."""

    first_token_ms: float | None
    duration_ms: float
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int
    counted: bool  # True: counted here by pieces, because the engine did not get to say
    tokens_per_s: float | None


class Meter:
    """Runs from its creation. Tell it of tokens and of what the engine says it used."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._started = clock()
        self._first: float | None = None
        self._last: float | None = None
        self._pieces = 0
        self._usage: Mapping[str, Any] = {}

    @property
    def pieces(self) -> int:
        """How many pieces came: what was written at least, whatever the engine got to say."""
        return self._pieces

    def token(self, pieces: int = 1) -> None:
        """Pieces of the answer came: a token each, as engines stream."""
        self._last = self._clock()
        if self._first is None:
            self._first = self._last
        self._pieces += pieces

    def usage(self, said: Mapping[str, Any]) -> None:
        """Take over the engine's own counts, by OpenAI's names or by Anthropic's.

        What is told in two parts (Anthropic's streams) adds up.
        """
        if not said.keys().isdisjoint(_NAMES):
            said = {_NAMES.get(name, name): n for name, n in said.items()}
        self._usage = {**self._usage, **said} if self._usage else said

    def figures(self) -> Figures:
        """Return the figures up to now."""
        said = _count(self._usage, "completion_tokens")
        tokens = self._pieces if said is None else said
        details = self._usage.get("prompt_tokens_details")
        cached = details if isinstance(details, Mapping) else self._usage
        return Figures(
            first_token_ms=None if self._first is None else (self._first - self._started) * 1000,
            duration_ms=(self._clock() - self._started) * 1000,
            prompt_tokens=_count(self._usage, "prompt_tokens"),
            cached_tokens=_count(cached, "cached_tokens", "cache_read_input_tokens"),
            completion_tokens=tokens,
            counted=said is None,
            tokens_per_s=self._speed(tokens),
        )

    def _speed(self, tokens: int) -> float | None:
        """Tokens after the first, over the time they took: the wait for the first is not speed."""
        if self._first is None or self._last is None or self._last <= self._first or tokens < 2:  # noqa: PLR2004
            return None
        return (tokens - 1) / (self._last - self._first)


def _count(said: Mapping[str, Any], *keys: str) -> int | None:
    for key in keys:
        value = said.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None
