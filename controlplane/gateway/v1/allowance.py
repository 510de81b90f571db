"""What a key and a deployment allow one request, and what is told of it in headers."""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from controlplane.gateway.limits.counting import Counted, Counters, Reason, Subject
from controlplane.gateway.meter import Meter
from controlplane.gateway.v1.body import Fields, refuse_second_spellings, with_added
from controlplane.gateway.v1.call import Headers
from controlplane.gateway.v1.errors import LimitedError
from models_app.domain.errors import InvalidError
from models_app.domain.gateway import GatewayKeyFacts, KeyRoute, Limits
from models_app.domain.routes import DeploymentRoute

CHARACTERS_A_TOKEN = 4
GUESSED_ANSWER = 256  # tokens, where nobody says how long it may get
FASTEST = 200  # tokens a second of one answer: no more was written of what nobody counted
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
    prompt: int = 0  # tokens, as guessed
    answer: int = 0
    counted: Counted = field(default_factory=Counted)

    @property
    def reserved(self) -> int:
        """What it may cost, until somebody has counted."""
        return self.prompt + self.answer

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


class Ended(Enum):
    """How a request ended, as far as its cost goes."""

    WELL = "well"
    LEFT = "left"  # its asker ended it while an engine worked
    FAILED = "failed"


async def allowance(  # noqa: PLR0913, PLR0917 - who asks whom for what
    counters: Counters,
    key: GatewayKeyFacts,
    route: DeploymentRoute,
    ticket: uuid.UUID,
    body: bytes,
    fields: Fields,
    key_route: KeyRoute,
) -> Allowance:
    """Take the request's share of every limit. Raises LimitedError."""
    subjects = _subjects(key, route)
    if not subjects:
        return NOTHING_COUNTED
    prompt, answer = guessed_tokens(body, fields, key_route)
    counted = await counters.take(subjects, ticket, prompt + answer)
    if counted.reason:
        code, limit = CODES[counted.reason]
        subject = subjects[counted.subject]
        raise LimitedError(
            code,
            params={
                "limit": getattr(subject.limits, limit),
                "wait_s": max(1, math.ceil(counted.wait_ms / 1000)),
            },
            headers=Allowance(subjects, ticket, prompt, answer, counted).headers(),
            of_key=subject.name.startswith("k:"),
        )
    return Allowance(subjects, ticket, prompt, answer, counted)


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


def guessed_tokens(body: bytes, fields: Fields, route: KeyRoute) -> tuple[int, int]:
    """Return what prompt and answer may cost, before anybody has counted."""
    prompt = len(body) // CHARACTERS_A_TOKEN
    if route is KeyRoute.EMBEDDINGS:
        return prompt, 0
    wanted = fields.wanted_tokens or GUESSED_ANSWER
    return prompt, (wanted if wanted > 0 else GUESSED_ANSWER) * fields.answers


def tokens_used(
    allowed: Allowance,
    meter: Meter,
    ended: Ended,
    *,
    is_stream: bool,
    seconds: float,
    sent: int,
) -> int:
    """Return what a request has cost whose engine worked for so many seconds and sent such a body.

    What the engine says, if it got to say it. Else the prompt as guessed and what came; of a whole
    answer that did not come, what may have been written in that time, the reserve at most. What
    failed before anything came costs nothing.
    """
    figures = meter.figures()
    written = figures.completion_tokens
    if ended is not Ended.WELL:
        written = max(written, meter.pieces)
    if figures.prompt_tokens is not None:
        return figures.prompt_tokens + written
    if ended is Ended.FAILED and not written:
        return 0
    if not is_stream and not written:
        whole = sent // CHARACTERS_A_TOKEN if ended is Ended.WELL else math.ceil(seconds * FASTEST)
        written = min(allowed.answer, whole)
    return allowed.prompt + written


def within_length(body: bytes, fields: Fields, route: KeyRoute, limits: Sequence[Limits]) -> bytes:
    """Return the body, asking for no longer an answer than is allowed. Raises InvalidError."""
    named = [one.max_tokens_per_request for one in limits if one.max_tokens_per_request]
    if not named or route is KeyRoute.EMBEDDINGS:
        return body
    refuse_second_spellings(body)
    limit, wanted, answers = min(named), fields.wanted_tokens, fields.answers
    if wanted is None and answers <= limit:
        name = "max_output_tokens" if route is KeyRoute.RESPONSES else "max_tokens"
        return with_added(body, f'"{name}":{limit // answers}'.encode())
    asked = answers * (1 if wanted is None else wanted)
    if not 0 <= asked <= limit:
        raise InvalidError(
            "TOKENS_OVER_LIMIT",
            params={"asked": asked, "limit": limit},
            fields={"max_tokens": "VALUE_OUT_OF_RANGE"},
        )
    return body
