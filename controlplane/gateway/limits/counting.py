"""What is counted, and how the counters answer; the same for both kinds of counters.

Requests and tokens a minute are buckets that refill all the time, so that a burst is followed by a
pace and not by a minute of nothing. Tokens a day are a quota that begins anew at midnight, UTC.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from models_app.domain.gateway import Limits

MINUTE_MS = 60_000
DAY_MS = 86_400_000
LEASE_MS = 90_000  # a request whose process died frees its place after so long
RENEW_S = 30.0


class Reason(IntEnum):
    """Which limit said no."""

    NONE = 0
    REQUESTS = 1
    TOKENS = 2
    DAY = 3
    CONCURRENT = 4


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose limits: a key's or a deployment's."""

    name: str  # k:<key id> or d:<public id>
    limits: Limits

    def figures(self) -> tuple[int, int, int, int]:
        """Return the limits in the order that the counters take; 0 is none."""
        named = self.limits
        return (
            named.requests_per_minute or 0,
            named.tokens_per_minute or 0,
            named.tokens_per_day or 0,
            named.concurrent_requests or 0,
        )


@dataclass(frozen=True, slots=True)
class Counted:
    """The answer for one request. `subject`: whose limit said no; `left`: per subject."""

    reason: Reason = Reason.NONE
    subject: int = 0
    wait_ms: float = 0
    left: Sequence[tuple[int, int]] = ()  # requests and tokens that are left of the minute's


class Counters(Protocol):
    """Takes a request's share of every limit at once, or of none."""

    async def take(self, subjects: Sequence[Subject], ticket: uuid.UUID, tokens: int) -> Counted:
        """Count a request that may cost so many tokens."""
        ...

    async def settle(
        self, subjects: Sequence[Subject], ticket: uuid.UUID, reserved: int, used: int
    ) -> None:
        """The request is over and has cost so many."""
        ...

    async def renew(self, subjects: Sequence[Subject], ticket: uuid.UUID) -> None:
        """The request still runs."""
        ...
