"""Scripts that run in Valkey, for one event loop: asked by their digest, given anew when unknown.

Who asks never waits longer than its patience: for a while after a failure nothing is asked at all.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from hashlib import sha1
from typing import Any

from controlplane.gateway.limits.valkey_line import ValkeyLine, open_line

log = logging.getLogger(__name__)
AGAIN_S = 1.0


def script_name(text: str) -> str:
    """Return the name by which Valkey knows a script."""
    return sha1(text.encode()).hexdigest()  # noqa: S324 - the name that Valkey gives it


class ValkeyScripts:
    """A connection and the scripts that are asked over it."""

    def __init__(self, url: str, texts: Iterable[str], patience_s: float, *, without: str) -> None:
        self._url = url
        self._texts = list(texts)
        self._patience_s = patience_s
        self._without = without  # what happens while Valkey is away, for the log
        self._away_until = 0.0
        self._line: ValkeyLine | None = None
        self._opening: asyncio.Task[ValkeyLine] | None = None

    async def run(
        self, script: str, keys: Sequence[str], arguments: Sequence[str | int], *, now: bool = False
    ) -> Any:
        """Return what a script says; None while Valkey is away. `now`: even right after that."""
        if not now and time.monotonic() < self._away_until:
            return None
        command = ("EVALSHA", script, len(keys), *keys, *arguments)
        try:
            line = self._line
            if line is None or not line.is_open:
                line = await self._opened()
            said = await line.ask(*command)
            if isinstance(said, Exception) and str(said).startswith("NOSCRIPT"):
                # a new server, or an emptied one
                await asyncio.gather(*(line.ask("SCRIPT", "LOAD", text) for text in self._texts))
                said = await line.ask(*command)
        except (OSError, TimeoutError) as error:
            if time.monotonic() >= self._away_until:
                log.warning("%s: %s", self._without, type(error).__name__)
            self._away_until = time.monotonic() + AGAIN_S
            return None
        return None if isinstance(said, Exception) else said

    def send(self, *command: str | int) -> asyncio.Future[Any]:
        """Send a plain command in its turn; who does not await the reply does not hear of it."""
        if self._line is None or not self._line.is_open:
            reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            reply.set_exception(ConnectionResetError())
        else:
            reply = self._line.ask(*command)
        reply.add_done_callback(_not_looked_at)
        return reply

    async def close(self) -> None:
        """Let go of the connection."""
        if self._line is not None:
            self._line.close()

    async def _opened(self) -> ValkeyLine:
        """Return a new connection; those who need it at the same time wait for the same one."""
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(open_line(self._url, self._patience_s))
        self._line = await asyncio.shield(self._opening)
        return self._line


def _not_looked_at(reply: asyncio.Future[Any]) -> None:
    if not reply.cancelled():
        reply.exception()
