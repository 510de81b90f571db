"""What a key and a deployment allow one request, and what is told of it in headers."""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from controlplane.gateway.limits.counting import Counted, Counters, Reason, Subject
from controlplane.gateway.v1.body import Fields, with_added
from controlplane.gateway.v1.call import Headers
from controlplane.gateway.v1.errors import LimitedError
from models_app.domain.errors import InvalidError
from models_app.domain.gateway import GatewayKeyFacts, KeyRoute, Limits
from models_app.domain.routes import DeploymentRoute

CHARACTERS_A_TOKEN = 4
GUESSED_ANSWER = 256  # tokens, where nobody says how long it may get
CODES = {
    Reason.REQUESTS: ("RATE_LIMITED", "requests_per_minute"),
    Reason.TOKENS: ("TOKENS_LIMITED", "tokens_per_minute"),
    Reason.DAY: ("QUOTA_SPENT", "tokens_per_day"),
    Reason.CONCURRENT: ("CONCURRENCY_LIMITED", "concurrent_requests"),
}


@dataclass(frozen=True, slots=True)
class Allowance:
    """A request's share of the limits; `settle` has to follow."""

    subjects: Sequence[Subject] = ()
    ticket: uuid.UUID | None = None
    reserved: int = 0
    counted: Counted = field(default_factory=Counted)

    def headers(self) -> Headers:
        """Return OpenAI's headers: the limits that are nearest, and what is left of them."""
        told: Headers = []
        if not self.subjects:
            return told
        for index, name in enumerate((b"requests", b"tokens")):
            limited = [
                (left[index], subject.figures()[index])
                for subject, left in zip(self.subjects, self.counted.left, strict=False)
                if subject.figures()[index]
            ]
            if limited:
                left, limit = min(limited)
                reset = math.ceil((limit - left) * 60 / limit)
                told.append((b"x-ratelimit-limit-" + name, b"%d" % limit))
                told.append((b"x-ratelimit-remaining-" + name, b"%d" % left))
                told.append((b"x-ratelimit-reset-" + name, b"%ds" % reset))
        return told


NOTHING_COUNTED = Allowance()


async def allowance(
    counters: Counters,
    key: GatewayKeyFacts,
    route: DeploymentRoute,
    ticket: uuid.UUID,
    body: bytes,
    fields: Fields,
) -> Allowance:
    """Take the request's share of every limit. Raises LimitedError."""
    subjects = _subjects(key, route)
    if not subjects:
        return NOTHING_COUNTED
    tokens = guessed_tokens(body, fields)
    counted = await counters.take(subjects, ticket, tokens)
    if counted.reason:
        code, limit = CODES[counted.reason]
        subject = subjects[counted.subject]
        raise LimitedError(
            code,
            params={
                "limit": getattr(subject.limits, limit),
                "wait_s": max(1, math.ceil(counted.wait_ms / 1000)),
            },
            headers=Allowance(subjects, ticket, tokens, counted).headers(),
            of_key=subject.name.startswith("k:"),
        )
    return Allowance(subjects, ticket, tokens, counted)


def _subjects(key: GatewayKeyFacts, route: DeploymentRoute) -> list[Subject]:
    subjects = []
    if key.limits.is_counted:
        subjects.append(Subject(f"k:{key.id}", key.limits))
    if route.limits.is_counted:
        subjects.append(Subject(f"d:{route.id}", route.limits))
    return subjects


async def settle(counters: Counters, allowed: Allowance, used: int) -> None:
    """The request is over and has cost so many tokens."""
    if allowed.ticket is not None:
        await counters.settle(allowed.subjects, allowed.ticket, allowed.reserved, used)


def guessed_tokens(body: bytes, fields: Fields) -> int:
    """Return what a request may cost, before anybody has counted."""
    wanted = fields.wanted_tokens or GUESSED_ANSWER
    answer = (wanted if wanted > 0 else GUESSED_ANSWER) * (fields.n or 1)
    return len(body) // CHARACTERS_A_TOKEN + answer


def within_length(body: bytes, fields: Fields, route: KeyRoute, limits: Sequence[Limits]) -> bytes:
    """Return the body, asking for no longer an answer than is allowed. Raises InvalidError."""
    named = [one.max_tokens_per_request for one in limits if one.max_tokens_per_request]
    if not named or route is KeyRoute.EMBEDDINGS:
        return body
    limit, wanted = min(named), fields.wanted_tokens
    if wanted is None:
        name = "max_output_tokens" if route is KeyRoute.RESPONSES else "max_tokens"
        return with_added(body, f'"{name}":{limit}'.encode())
    if not 0 <= wanted <= limit:
        raise InvalidError(
            "TOKENS_OVER_LIMIT",
            params={"asked": wanted, "limit": limit},
            fields={"max_tokens": "VALUE_OUT_OF_RANGE"},
        )
    return body
