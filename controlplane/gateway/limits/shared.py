"""Counters in Valkey, shared by every process: one script a request, so that nothing is in between.

When Valkey does not answer at once the local counters take over, and it is tried again a second
later: a request never waits for it longer than PATIENCE_S.
"""

import uuid
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from controlplane.gateway.limits.counting import LEASE_MS, Counted, Reason, Subject
from controlplane.gateway.limits.local import LocalCounters
from controlplane.gateway.valkey_scripts import ValkeyScripts, script_name

PATIENCE_S = 0.08
PREFIX = "slipway:limits"
_FOLDER = Path(__file__).parent
_TEXTS = [(_FOLDER / f"{name}.lua").read_text() for name in ("take", "settle", "renew")]
_TAKE, _SETTLE, _RENEW = map(script_name, _TEXTS)


class SharedCounters:
    """One per event loop."""

    def __init__(self, url: str = "", local: LocalCounters | None = None) -> None:
        self._local = local or LocalCounters()
        self._scripts = ValkeyScripts(
            url or settings.BROKER_URL,
            _TEXTS,
            PATIENCE_S,
            without="limits are counted in this process alone",
        )

    async def take(self, subjects: Sequence[Subject], ticket: uuid.UUID, tokens: int) -> Counted:
        """Count a request that may cost so many tokens."""
        figures = [figure for subject in subjects for figure in subject.figures()]
        said = await self._scripts.run(
            _TAKE, _keys(subjects), (str(ticket), LEASE_MS, tokens, *figures)
        )
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
        await self._scripts.run(
            _SETTLE, _keys(subjects), (str(ticket), reserved, used, *per_minute)
        )

    async def renew(self, subjects: Sequence[Subject], ticket: uuid.UUID) -> None:
        """The request still runs."""
        await self._local.renew(subjects, ticket)
        await self._scripts.run(_RENEW, _keys(subjects), (str(ticket), LEASE_MS))

    async def close(self) -> None:
        """Let go of the connection."""
        await self._scripts.close()


def _keys(subjects: Sequence[Subject]) -> list[str]:
    return [f"{PREFIX}:{subject.name}:{kind}" for subject in subjects for kind in ("l", "r")]
