"""The socket of a log view: a replica's lines, as its engine writes them.

The broker's capped stream is the queue: a browser that is slow makes this reader slow, and what
the stream drops meanwhile is told as a number of missed lines. Nothing piles up here.
"""

import asyncio
import time
from typing import Any

from controlplane.live.sockets import BAD_FRAME, NOT_FOUND, GuardedSocket
from controlplane.offload import offload
from controlplane.wording.errors import error_text
from controlplane.wording.failures import failure_text
from models_app.domain.errors import NotFoundError, UnavailableError
from models_app.notify import logs
from models_app.selectors.deployments import replica_get

ANNOUNCE_S = 5.0
RETRY_S = 2.0
FRAME_CHARACTERS = 60_000


class LogSocket(GuardedSocket):
    """`/ws/logs/<replica>/`. In: `follow` (after: the offset of the last line seen, -1 for none).

    Out: `lines` (lines: offset and text, missed), `trouble` (code, text), `beat`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._replica_id = 0
        self._after = -1
        self._started = False
        self._trouble = ""

    async def on_open(self) -> None:
        """Find the replica; nothing is read before the browser says from where."""
        ref = self.scope["url_route"]["kwargs"]["replica"]
        try:
            self._replica_id = (await offload(replica_get, self.actor, ref)).pk
        except NotFoundError:
            await self.close(NOT_FOUND)

    async def on_frame(self, frame: dict[str, Any]) -> None:
        """Begin to follow, once."""
        after = frame.get("after", -1)
        if frame.get("type") != "follow" or not isinstance(after, int) or self._started:
            await self.close(BAD_FRAME)
            return
        self._started, self._after = True, after
        self.spawn(self._follow())

    async def _follow(self) -> None:
        while True:
            try:
                async with logs.reading(self._replica_id) as reader:
                    await self._read(reader)
            except UnavailableError as error:
                await self._tell_trouble(error.code, error_text(error).sentence)
                await asyncio.sleep(RETRY_S)

    async def _read(self, reader: logs.Reader) -> None:
        cursor, announce_at = "0", 0.0
        while True:
            if time.monotonic() >= announce_at:
                await reader.announce()
                announce_at = time.monotonic() + ANNOUNCE_S
            batch = await reader.read(cursor)
            cursor = batch.cursor
            trouble = batch.trouble
            await self._tell_trouble(trouble, trouble and failure_text(trouble).sentence)
            await self._send_lines(batch)

    async def _send_lines(self, batch: logs.Batch) -> None:
        fresh = [line for line in batch.lines if line.offset > self._after]
        missed = batch.missed
        while fresh:
            part: list[list[int | str]] = []
            size = 0
            while fresh and (not part or size + len(fresh[0].text) < FRAME_CHARACTERS):
                line = fresh.pop(0)
                size += len(line.text)
                part.append([line.offset, line.text])
                self._after = line.offset
            await self.send_frame("lines", lines=part, missed=missed)
            missed = 0

    async def _tell_trouble(self, code: str, text: str) -> None:
        """Say why no lines come, once; and once that they may come again."""
        if code != self._trouble:
            self._trouble = code
            await self.send_frame("trouble", code=code, text=text)
