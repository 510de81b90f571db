"""Counters in Valkey, shared by every process: one script a request, so that nothing is in between.

When Valkey does not answer at once the local counters take over, and it is tried again a second
later: a request never waits for it longer than PATIENCE_S.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path
from typing import Any

import redis.asyncio as valkey
from django.conf import settings
from redis.exceptions import NoScriptError, RedisError

from controlplane.gateway.limits.counting import LEASE_MS, Counted, Reason, Subject
from controlplane.gateway.limits.local import LocalCounters

log = logging.getLogger(__name__)
PATIENCE_S = 0.08
AGAIN_S = 1.0
PREFIX = "slipway:limits"
BATCH = 100
_FOLDER = Path(__file__).parent
_TEXTS = [(_FOLDER / f"{name}.lua").read_text() for name in ("take", "settle", "renew")]
_SCRIPTS = {sha1(text.encode()).hexdigest(): text for text in _TEXTS}  # noqa: S324 - Valkey's name
_TAKE, _SETTLE, _RENEW = _SCRIPTS


class SharedCounters:
    """One per event loop. Whatever is asked while one batch is under way goes as the next."""

    def __init__(self, url: str = "", local: LocalCounters | None = None) -> None:
        self._client: Any = valkey.from_url(
            url or settings.BROKER_URL,
            socket_timeout=PATIENCE_S,
            socket_connect_timeout=PATIENCE_S,
            retry=None,
        )
        self._local = local or LocalCounters()
        self._away_until = 0.0
        self._waiting: list[_Wish] = []
        self._sending: asyncio.Task[None] | None = None

    async def take(self, subjects: Sequence[Subject], ticket: uuid.UUID, tokens: int) -> Counted:
        """Count a request that may cost so many tokens."""
        figures = [figure for subject in subjects for figure in subject.figures()]
        said = await self._ask(_TAKE, subjects, (str(ticket), LEASE_MS, tokens, *figures))
        if said is None:
            return await self._local.take(subjects, ticket, tokens)
        reason, subject, wait_ms, *left = said
        pairs = list(zip(left[::2], left[1::2], strict=True))
        return Counted(Reason(reason), subject, wait_ms, pairs)

    async def settle(
        self, subjects: Sequence[Subject], ticket: uuid.UUID, reserved: int, used: int
    ) -> None:
        """The request is over and has cost so many."""
        await self._local.settle(subjects, ticket, reserved, used)
        per_minute = [subject.figures()[1] for subject in subjects]
        await self._ask(_SETTLE, subjects, (str(ticket), reserved, used, *per_minute))

    async def renew(self, subjects: Sequence[Subject], ticket: uuid.UUID) -> None:
        """The request still runs."""
        await self._local.renew(subjects, ticket)
        await self._ask(_RENEW, subjects, (str(ticket), LEASE_MS))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _ask(
        self, script: str, subjects: Sequence[Subject], arguments: Sequence[object]
    ) -> Any:
        """Return what a script says; None while Valkey is away."""
        if time.monotonic() < self._away_until:
            return None
        wish = _Wish(script, _keys(subjects), arguments)
        self._waiting.append(wish)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())
        return await wish.said

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            said = await self._batch(batch)
            for wish, one in zip(batch, said, strict=True):
                if not wish.said.done():
                    wish.said.set_result(one)

    async def _batch(self, batch: Sequence["_Wish"]) -> Sequence[Any]:
        try:
            async with asyncio.timeout(PATIENCE_S):
                said = await self._run(batch)
                if any(isinstance(one, NoScriptError) for one in said):  # a new or emptied server
                    for script in _SCRIPTS.values():
                        await self._client.script_load(script)
                    said = await self._run(batch)
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = time.monotonic() + AGAIN_S
            log.warning("limits are counted in this process alone: %s", type(error).__name__)
            return [None] * len(batch)
        return [None if isinstance(one, Exception) else one for one in said]

    async def _run(self, batch: Sequence["_Wish"]) -> Sequence[Any]:
        pipe = self._client.pipeline(transaction=False)
        for wish in batch:
            pipe.evalsha(wish.script, len(wish.keys), *wish.keys, *wish.arguments)
        said: Sequence[Any] = await pipe.execute(raise_on_error=False)
        return said


@dataclass(eq=False, slots=True)
class _Wish:
    """One call of a script, and who waits for its answer."""

    script: str
    keys: Sequence[str]
    arguments: Sequence[object]
    said: asyncio.Future[Any] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


def _keys(subjects: Sequence[Subject]) -> list[str]:
    return [f"{PREFIX}:{subject.name}:{kind}" for subject in subjects for kind in ("l", "r")]
