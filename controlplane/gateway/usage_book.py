"""Collects usage records in memory and writes them in batches, off the path of the requests.

At most WRITE_S of records are lost when the process is killed, none when it stops in order.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence

from controlplane.offload import offload
from models_app.services.usage import UsageRecord, usage_record_many

log = logging.getLogger(__name__)

WRITE_S = 1.0
BATCH = 2000
KEPT = 20_000  # while the database is away; the oldest go first

WriteRecords = Callable[[Sequence[UsageRecord]], int]


class UsageBook:
    """Records of one process. `note` never waits and never raises."""

    def __init__(self, write: WriteRecords = usage_record_many) -> None:
        self._write = write
        self._waiting: deque[UsageRecord] = deque(maxlen=KEPT)
        self._writing = asyncio.Lock()

    def note(self, record: UsageRecord) -> None:
        """Take a record; it is in the database within WRITE_S."""
        self._waiting.append(record)

    def waiting(self) -> list[UsageRecord]:
        """Return what is not in the database yet, oldest first."""
        return list(self._waiting)

    async def write_regularly(self) -> None:
        """Write what was noted, until cancelled."""
        while True:
            await asyncio.sleep(WRITE_S)
            with contextlib.suppress(Exception):  # logged there; the records stay
                await self.write_now()

    async def write_now(self) -> None:
        """Write everything noted so far. Raises what the database raises; nothing is lost then."""
        async with self._writing:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                try:
                    await offload(self._write, batch)
                except BaseException as error:
                    self._waiting.extendleft(reversed(batch))
                    log.warning("%d usage records not written yet: %s", len(batch), error)
                    raise
