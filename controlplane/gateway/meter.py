"""Measures one answer: time to its first token, tokens, tokens per second."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figures:
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

    def token(self) -> None:
        """A piece of the answer came: one token, as engines stream."""
        self._last = self._clock()
        if self._first is None:
            self._first = self._last
        self._pieces += 1

    def usage(self, said: Mapping[str, Any]) -> None:
        """Take over the engine's own counts (`usage` of the OpenAI protocol)."""
        self._usage = said

    def figures(self) -> Figures:
        """Return the figures up to now."""
        said = _count(self._usage, "completion_tokens")
        tokens = self._pieces if said is None else said
        details = self._usage.get("prompt_tokens_details")
        return Figures(
            first_token_ms=None if self._first is None else (self._first - self._started) * 1000,
            duration_ms=(self._clock() - self._started) * 1000,
            prompt_tokens=_count(self._usage, "prompt_tokens"),
            cached_tokens=_count(details, "cached_tokens")
            if isinstance(details, Mapping)
            else None,
            completion_tokens=tokens,
            counted=said is None,
            tokens_per_s=self._speed(tokens),
        )

    def _speed(self, tokens: int) -> float | None:
        """Tokens after the first, over the time they took: the wait for the first is not speed."""
        if self._first is None or self._last is None or self._last <= self._first or tokens < 2:  # noqa: PLR2004
            return None
        return (tokens - 1) / (self._last - self._first)


def _count(said: Mapping[str, Any], key: str) -> int | None:
    value = said.get(key)
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count else None
