"""One answer: what a request asks for, and its pieces at the pace that it sets."""

import itertools
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from workers.engines.fake.answers import answer_length, answer_tokens, count_tokens
from workers.engines.fake.behaviour import Behaviour
from workers.engines.fake.connection import RefusedError

CRASHED = 86  # the exit code of a crash that was asked for
MANY_TOKENS = 1 << 20


class Job(NamedTuple):
    """One answer to give."""

    prompt: str
    prompt_tokens: int
    limit: int
    stops: tuple[str, ...]
    seed: int
    behaviour: Behaviour


class Progress:
    """How far it has come; filled while the pieces are read."""

    def __init__(self, count: Callable[[], None]) -> None:
        self.count = count  # called for each token, so that the metrics show that it gets on
        self.tokens = 0
        self.finish = "length"
        self.prompt_s = 0.0
        self.seconds = 0.0


def read_job(body: Mapping[str, Any], prompt: str, default: Behaviour, context: int) -> Job:
    """Return what the request asks for. Raises RefusedError."""
    try:
        behaviour = default.changed_by(body.get("fake"))
    except ValueError as error:
        raise RefusedError(400, "invalid_request_error", str(error)) from error
    tokens = count_tokens(prompt)
    if tokens >= context:
        text = f"request ({tokens} tokens) exceeds the available context size ({context} tokens)"
        raise RefusedError(400, "exceed_context_size_error", text)
    wanted = _whole(body, "max_completion_tokens") or _whole(body, "max_tokens") or MANY_TOKENS
    seed = _whole(body, "seed")
    if seed is None:
        seed = behaviour.seed
    if seed is None:
        seed = random.randrange(1 << 31)  # noqa: S311 - plausible text, not a secret
    return Job(
        prompt=prompt,
        prompt_tokens=tokens,
        limit=min(wanted, context - tokens),
        stops=_stops(body.get("stop")),
        seed=seed,
        behaviour=behaviour,
    )


def generate(job: Job, wait: Callable[[float], None], progress: Progress) -> Iterator[str]:
    """Yield the pieces of the answer; `wait` sleeps, and raises when nobody listens any more."""
    begun = time.monotonic()
    wait(job.behaviour.first_token_delay_s)
    first = time.monotonic()
    progress.prompt_s = first - begun
    for piece in _until_stop(_paced(job, wait, progress), job.stops, progress):
        progress.seconds = time.monotonic() - first
        yield piece
    progress.seconds = time.monotonic() - first


def _paced(job: Job, wait: Callable[[float], None], progress: Progress) -> Iterator[str]:
    natural = answer_length(job.prompt, job.seed)
    behaviour, begun = job.behaviour, time.monotonic()
    for count, piece in zip(itertools.count(), answer_tokens(job.prompt, job.seed), strict=False):
        if count == behaviour.crash_after_tokens:
            print(f"fake: crash after {count} tokens, as asked", file=sys.stderr, flush=True)  # noqa: T201
            os._exit(CRASHED)
        while count == behaviour.stall_after_tokens:
            wait(3600)
        if count >= min(job.limit, natural):
            progress.finish = "length" if job.limit <= natural else "stop"
            return
        if behaviour.tokens_per_s > 0 and count:
            wait(begun + count / behaviour.tokens_per_s - time.monotonic())
        progress.tokens = count + 1
        progress.count()
        yield piece


def _until_stop(pieces: Iterator[str], stops: tuple[str, ...], progress: Progress) -> Iterator[str]:
    """Cut the text at the first stop string, holding back what may become one."""
    if not stops:
        yield from pieces
        return
    held, reach = "", max(map(len, stops)) - 1
    for piece in pieces:
        held += piece
        cuts = [at for at in (held.find(stop) for stop in stops) if at >= 0]
        if cuts:
            progress.finish = "stop"
            yield held[: min(cuts)]
            return
        ready = max(0, len(held) - reach)
        if ready:
            yield held[:ready]
        held = held[ready:]
    if held:
        yield held


def _whole(body: Mapping[str, Any], key: str) -> int | None:
    value = body.get(key)
    if value is None or (key != "seed" and value == -1):
        return None
    if isinstance(value, bool) or not isinstance(value, int) or (key != "seed" and value < 1):
        raise RefusedError(400, "invalid_request_error", f"{key}: a whole number is expected")
    return value


def _stops(value: Any) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value or []
    if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
        raise RefusedError(400, "invalid_request_error", "stop: strings are expected")
    return tuple(found[:16])
