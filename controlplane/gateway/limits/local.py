"""Counters in this process's memory: what counts while Valkey is away.

Each process counts for itself then, so that together they let through more than the limit says;
never without a limit.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from controlplane.gateway.limits.counting import (
    DAY_MS,
    LEASE_MS,
    MINUTE_MS,
    Counted,
    Reason,
    Subject,
)

BOOK_LIMIT = 10_000


@dataclass(slots=True)
class _Levels:
    """What is left of one subject's limits."""

    at: float
    requests: float
    tokens: float
    day: int = 0
    day_tokens: int = 0
    running: dict[uuid.UUID, float] = field(default_factory=dict)  # ticket -> until


class LocalCounters:
    """One per process. `clock` gives milliseconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = lambda: time.time() * 1000) -> None:
        self._clock = clock
        self._book: dict[str, _Levels] = {}

    async def take(self, subjects: Sequence[Subject], ticket: uuid.UUID, tokens: int) -> Counted:
        """Count a request that may cost so many tokens."""
        now = self._clock()
        levels = [self._levels(subject, now) for subject in subjects]
        for index, (subject, level) in enumerate(zip(subjects, levels, strict=True)):
            reason, wait_ms = _refusal(subject, level, tokens, now)
            if reason:
                return Counted(reason, index, wait_ms, [_left(one) for one in levels])
        for subject, level in zip(subjects, levels, strict=True):
            level.requests -= 1
            level.tokens -= min(tokens, subject.figures()[1])
            level.running[ticket] = now + LEASE_MS
        return Counted(left=[_left(one) for one in levels])

    async def settle(
        self, subjects: Sequence[Subject], ticket: uuid.UUID, reserved: int, used: int
    ) -> None:
        """The request is over and has cost so many."""
        now = self._clock()
        for subject in subjects:
            level = self._levels(subject, now)
            per_minute = subject.figures()[1]
            level.tokens = min(per_minute, level.tokens + min(reserved, per_minute) - used)
            level.day_tokens += used
            level.running.pop(ticket, None)

    async def renew(self, subjects: Sequence[Subject], ticket: uuid.UUID) -> None:
        """The request still runs."""
        now = self._clock()
        for subject in subjects:
            running = self._levels(subject, now).running
            if ticket in running:
                running[ticket] = now + LEASE_MS

    def _levels(self, subject: Subject, now: float) -> _Levels:
        per_minute, tokens, _, _ = subject.figures()
        level = self._book.get(subject.name)
        if level is None:
            if len(self._book) >= BOOK_LIMIT:
                self._book.pop(next(iter(self._book)))
            level = self._book[subject.name] = _Levels(now, per_minute, tokens)
        passed = max(0.0, now - level.at)
        level.at = now
        level.requests = min(per_minute, level.requests + passed * per_minute / MINUTE_MS)
        level.tokens = min(tokens, level.tokens + passed * tokens / MINUTE_MS)
        day = int(now // DAY_MS)
        if level.day != day:
            level.day, level.day_tokens = day, 0
        level.running = {ticket: until for ticket, until in level.running.items() if until > now}
        return level


def _refusal(subject: Subject, level: _Levels, tokens: int, now: float) -> tuple[Reason, float]:
    per_minute, tokens_per_minute, per_day, concurrent = subject.figures()
    needed = min(tokens, tokens_per_minute)
    if per_minute and level.requests < 1:
        return Reason.REQUESTS, (1 - level.requests) * MINUTE_MS / per_minute
    if tokens_per_minute and level.tokens < needed:
        return Reason.TOKENS, (needed - level.tokens) * MINUTE_MS / tokens_per_minute
    if per_day and level.day_tokens >= per_day:
        return Reason.DAY, DAY_MS - now % DAY_MS
    if concurrent and len(level.running) >= concurrent:
        return Reason.CONCURRENT, 1000.0
    return Reason.NONE, 0.0


def _left(level: _Levels) -> tuple[int, int]:
    return max(0, int(level.requests)), max(0, int(level.tokens))
