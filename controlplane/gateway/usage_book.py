"""Collects usage records in memory and writes them in batches, off the path of the requests.

At most WRITE_S of records are lost when the process is killed, none when it stops in order.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from models_app.services.usage import UsageRecord, usage_record_many

log = logging.getLogger(__name__)

WRITE_S = 1.0
BATCH = 2000
KEPT = 20_000  # while the database is away; the oldest go first

WriteRecords = Callable[[Sequence[UsageRecord]], int]


class UsageBook:
    """Records of one process. `note` never waits and never raises.

    It writes on a thread of its own, whose connection stays while there is something to write:
    opening and closing one took as long as all that was written through it.
    """

    def __init__(
        self,
        write: WriteRecords = usage_record_many,
        also: Callable[[UsageRecord], None] | None = None,
    ) -> None:
        self._write = write
        self._also = also  # told of each record too
        self._waiting: deque[UsageRecord] = deque(maxlen=KEPT)
        self._writing = asyncio.Lock()
        self._thread: ThreadPoolExecutor | None = None

    def note(self, record: UsageRecord) -> None:
        """Take a record; it is in the database within WRITE_S."""
        self._waiting.append(record)
        if self._also is not None:
            self._also(record)

    def waiting(self) -> list[UsageRecord]:
        """Return what is not in the database yet, oldest first."""
        return list(self._waiting)

    async def write_regularly(self) -> None:
        """Write what was noted, until cancelled."""
        while True:
            await asyncio.sleep(WRITE_S)
            with contextlib.suppress(Exception):  # logged there; the records stay
                if self._waiting:
                    await self._write_waiting()
                else:
                    await self._rest()

    async def write_now(self) -> None:
        """Write everything noted so far, and let go of the database.

        Raises what the database raises; nothing is lost then.
        """
        try:
            await self._write_waiting()
        finally:
            await self._rest()

    async def _write_waiting(self) -> None:
        async with self._writing:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                try:
                    await self._on_thread(self._written, batch)
                except BaseException as error:
                    self._waiting.extendleft(reversed(batch))
                    log.warning("%d usage records not written yet: %s", len(batch), error)
                    raise

    def _written(self, batch: Sequence[UsageRecord]) -> None:
        try:
            self._write(batch)
        except BaseException:
            connections.close_all()
            raise

    async def _rest(self) -> None:
        """Close the thread and its connection until there is something to write."""
        async with self._writing:
            if self._thread is not None:
                await self._on_thread(connections.close_all)
                self._thread.shutdown(wait=False)
                self._thread = None

    async def _on_thread(self, call: Callable[..., object], *args: object) -> None:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="usage")
        await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)
