"""Counters in Valkey, shared by every process: one script a request, so that nothing is in between.

When Valkey does not answer at once the local counters take over, and it is tried again a second
later: a request never waits for it longer than PATIENCE_S.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path
from typing import Any

from django.conf import settings

from controlplane.gateway.limits.counting import LEASE_MS, Counted, Reason, Subject
from controlplane.gateway.limits.local import LocalCounters
from controlplane.gateway.limits.valkey_line import ValkeyLine, open_line

log = logging.getLogger(__name__)
PATIENCE_S = 0.08
AGAIN_S = 1.0
PREFIX = "slipway:limits"
_FOLDER = Path(__file__).parent
_TEXTS = [(_FOLDER / f"{name}.lua").read_text() for name in ("take", "settle", "renew")]
_SCRIPTS = {sha1(text.encode()).hexdigest(): text for text in _TEXTS}  # noqa: S324 - Valkey's name
_TAKE, _SETTLE, _RENEW = _SCRIPTS


class SharedCounters:
    """One per event loop."""

    def __init__(self, url: str = "", local: LocalCounters | None = None) -> None:
        self._url = url or settings.BROKER_URL
        self._local = local or LocalCounters()
        self._away_until = 0.0
        self._line: ValkeyLine | None = None
        self._opening: asyncio.Task[ValkeyLine] | None = None

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
        """Let go of the connection."""
        if self._line is not None:
            self._line.close()

    async def _ask(
        self, script: str, subjects: Sequence[Subject], arguments: Sequence[str | int]
    ) -> Any:
        """Return what a script says; None while Valkey is away."""
        if time.monotonic() < self._away_until:
            return None
        keys = _keys(subjects)
        command = ("EVALSHA", script, len(keys), *keys, *arguments)
        try:
            line = self._line
            if line is None or not line.is_open:
                line = await self._opened()
            said = await line.ask(*command)
            if isinstance(said, Exception) and str(said).startswith("NOSCRIPT"):
                # a new server, or an emptied one
                await asyncio.gather(*(line.ask("SCRIPT", "LOAD", text) for text in _TEXTS))
                said = await line.ask(*command)
        except (OSError, TimeoutError) as error:
            if time.monotonic() >= self._away_until:
                log.warning("limits are counted in this process alone: %s", type(error).__name__)
            self._away_until = time.monotonic() + AGAIN_S
            return None
        return None if isinstance(said, Exception) else said

    async def _opened(self) -> ValkeyLine:
        """Return a new connection; those who need it at the same time wait for the same one."""
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(open_line(self._url, PATIENCE_S))
        self._line = await asyncio.shield(self._opening)
        return self._line


def _keys(subjects: Sequence[Subject]) -> list[str]:
    return [f"{PREFIX}:{subject.name}:{kind}" for subject in subjects for kind in ("l", "r")]
