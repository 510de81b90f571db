"""The readers' end of the log transport: see `log_keys.py`."""

import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import redis
from redis import asyncio as aioredis

from models_app.domain.errors import UnavailableError
from models_app.domain.specs import LogLine
from models_app.notify import workers
from models_app.notify.log_keys import (
    PREVIOUS_S,
    READER_S,
    Client,
    broker,
    connection_options,
    log_key,
)

BATCH = 500  # lines read at once
WAIT_S = 3.0  # for the hands, when nobody followed before


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines, oldest first; `missed` came before them and are gone; `cursor` resumes after them."""

    lines: tuple[LogLine, ...]
    missed: int
    cursor: str
    trouble: str  # why no lines come: a FailureCode, or empty


def read_recent(replica_id: int, *, lines: int, previous: bool = False) -> list[LogLine]:
    """Return the last lines of a replica's output, or of its run before.

    Waits for the hands for at most WAIT_S. Raises UnavailableError LOGS_UNAVAILABLE.
    """
    until = time.monotonic() + WAIT_S
    with broker() as client:
        if previous:
            client.set(log_key(replica_id, "want_previous"), 1, ex=PREVIOUS_S)
        client.set(log_key(replica_id, "readers"), 1, ex=READER_S)
        if not client.exists(log_key(replica_id, "alive")):
            workers.ask_for_logs(replica_id)
        while time.monotonic() < until:
            found = _recent(client, replica_id, lines, previous=previous)
            if found is not None:
                return found
            time.sleep(0.05)
    raise UnavailableError("LOGS_UNAVAILABLE")


def _recent(client: Client, replica_id: int, lines: int, *, previous: bool) -> list[LogLine] | None:
    if previous:
        text = client.get(log_key(replica_id, "previous"))
        return None if text is None else [LogLine(o, t) for o, t in json.loads(text)][-lines:]
    if not client.exists(log_key(replica_id, "after")):
        return None
    entries = client.xrevrange(log_key(replica_id, "lines"), count=lines)
    return [_line(fields) for _, fields in reversed(entries)]


class Reader:
    """One reader of one replica's lines. Opened by `reading`."""

    def __init__(self, client: Client, replica_id: int) -> None:
        self._client = client
        self._id = replica_id
        self._last = 0  # number of the last line read

    async def announce(self) -> None:
        """Say that somebody reads; to be said again every few seconds."""
        await self._client.set(log_key(self._id, "readers"), 1, ex=READER_S)
        if not await self._client.exists(log_key(self._id, "alive")):
            workers.ask_for_logs(self._id)

    async def read(self, cursor: str, *, wait_s: float = 1.0) -> Batch:
        """Return the lines after `cursor` ("0": all there are), waiting a while for the first."""
        streams = {log_key(self._id, "lines"): cursor}
        found = await self._client.xread(streams, count=BATCH, block=int(wait_s * 1000))
        entries = found[0][1] if found else []
        missed = self._missed([int(fields["n"]) for _, fields in entries])
        return Batch(
            lines=tuple(_line(fields) for _, fields in entries),
            missed=missed,
            cursor=entries[-1][0] if entries else cursor,
            trouble=await self._client.get(log_key(self._id, "trouble")) or "",
        )

    def _missed(self, numbers: Sequence[int]) -> int:
        if not numbers:
            return 0
        before, self._last = self._last, numbers[-1]
        return max(0, numbers[0] - before - 1) if before else 0


@asynccontextmanager
async def reading(replica_id: int) -> AsyncIterator[Reader]:
    """Open a reader with a connection of its own. Raises UnavailableError."""
    client = aioredis.Redis.from_url(**connection_options(), single_connection_client=True)
    try:
        yield Reader(client, replica_id)
    except redis.RedisError as error:
        raise UnavailableError("LOGS_UNAVAILABLE") from error
    finally:
        with contextlib.suppress(redis.RedisError):
            await client.aclose()


def _line(fields: Mapping[str, str]) -> LogLine:
    return LogLine(int(fields["o"]), fields["t"])
