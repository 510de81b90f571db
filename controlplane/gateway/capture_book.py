"""Holds the bytes of requests that an admin has kept, and hands them on off the hot path.

Nothing is here for a deployment without a running capture. What is held is bounded in number and
size, and dropped rather than hoarded while the database is away: these are other people's words.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from random import Random

from django.utils import timezone

from controlplane.offload import offload
from models_app.domain.routes import DeploymentRoute
from models_app.domain.transcripts import ROOM
from models_app.services.captures import Caught, caught_record_many

log = logging.getLogger(__name__)
WRITE_S = 2.0
HELD = 200  # requests between two writes; a sample may be smaller than it was asked to be

WriteCaught = Callable[[Sequence[Caught]], int]


class Recording:
    """One request while it is answered."""

    __slots__ = ("_pieces", "_room", "at", "question")

    def __init__(self, question: bytes) -> None:
        self.at = timezone.now()
        self.question = question[:ROOM]
        self._pieces: list[bytes] = []
        self._room = ROOM

    def take(self, chunk: bytes) -> None:
        """Keep a piece of the answer, while there is room."""
        if self._room > 0:
            self._pieces.append(chunk[: self._room])
            self._room -= len(chunk)

    @property
    def answer(self) -> bytes:
        """What was kept of the answer."""
        return b"".join(self._pieces)


class CaptureBook:
    """The recordings of one process."""

    def __init__(self, write: WriteCaught = caught_record_many, dice: Random | None = None) -> None:
        self._write = write
        self._dice = dice or Random()  # noqa: S311 - it draws a sample, it keeps no secret
        self._waiting: deque[Caught] = deque(maxlen=HELD)

    def begin(self, route: DeploymentRoute, question: bytes) -> Recording | None:
        """Return a recording when this request is one of the sample."""
        rule = route.capture
        if rule is None or not rule.holds(timezone.now()):
            return None
        return Recording(question) if self._dice.random() * 100 < rule.percent else None

    def end(
        self, route: DeploymentRoute, recording: Recording, *, caller: str, path: str, status: str
    ) -> None:
        """The request is over."""
        caught = Caught(
            deployment_id=route.row_id,
            at=recording.at,
            caller=caller,
            path=path,
            status=status,
            question=recording.question,
            answer=recording.answer,
        )
        self._waiting.append(caught)

    async def write_regularly(self) -> None:
        """Write what was caught, until cancelled."""
        while True:
            await asyncio.sleep(WRITE_S)
            await self.write_now()

    async def write_now(self) -> None:
        """Write everything caught so far; what cannot be written is dropped."""
        caught = list(self._waiting)
        self._waiting.clear()
        if not caught:
            return
        try:
            await offload(self._write, caught)
        except Exception as error:  # noqa: BLE001 - a capture must never disturb what it watches
            log.warning("%d captured requests dropped: %s", len(caught), type(error).__name__)
