"""Looks key ids up that cannot be told from memory, at a pace that nobody outside can set.

Ids are anybody's to invent. Whatever comes while one query runs waits for the next one, which asks
for all of them: a flood costs a few dozen small queries a second, one at a time, and a good key
that comes in the middle of it is found all the same.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from itertools import islice

log = logging.getLogger(__name__)

LOOKUP_S = 2.5  # for a database that does not answer
PAUSE_S = 0.02  # between two queries
BATCH = 200  # ids of one query
WAITING_LIMIT = 1000  # ids; who comes then is told to come back


class Lookups:
    """Ids that wait to be read, and who waits for them. Used on one event loop."""

    def __init__(self, read: Callable[[Collection[str]], Awaitable[None]]) -> None:
        self._read = read
        self._waiting: dict[str, asyncio.Future[bool]] = {}
        self._worker: asyncio.Task[None] | None = None

    async def look(self, key_id: str) -> bool:
        """Have an id read; return whether that was done in time."""
        answer = self._waiting.get(key_id)  # many requests with one key wait for one reading
        if answer is None:
            if len(self._waiting) >= WAITING_LIMIT:
                return False
            answer = self._waiting[key_id] = asyncio.get_running_loop().create_future()
            if self._worker is None or self._worker.done():
                self._worker = asyncio.create_task(self._work())
        await asyncio.wait({answer}, timeout=LOOKUP_S)
        return answer.done() and answer.result()

    async def _work(self) -> None:
        while self._waiting:
            batch = list(islice(self._waiting, BATCH))
            was_read = await self._read_in_time(batch)
            for key_id in batch:
                self._waiting.pop(key_id).set_result(was_read)
            await asyncio.sleep(PAUSE_S)

    async def _read_in_time(self, batch: Collection[str]) -> bool:
        """A read that hangs is left alone: it may still end, and its thread cannot be stopped."""
        reading = asyncio.ensure_future(self._read(batch))
        reading.add_done_callback(_say_what_failed)
        await asyncio.wait({reading}, timeout=LOOKUP_S)
        return reading.done() and not reading.cancelled() and reading.exception() is None


def _say_what_failed(reading: asyncio.Future[None]) -> None:
    error = None if reading.cancelled() else reading.exception()
    if error is not None:
        log.warning("gateway keys cannot be looked up: %s", type(error).__name__)
