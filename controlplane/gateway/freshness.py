"""The two ways in which tables in memory stay true: hints within milliseconds, time for lost hints.

Both outlive every fault of the database and of the broker: what was read last serves on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from models_app.notify import browsers

log = logging.getLogger(__name__)

RETRY_S = 1.0
COALESCE_S = 0.05  # a rollout hints many times a second; each read serves all hints before it


async def by_time(what: str, refresh: Callable[[], Awaitable[None]], every_s: float) -> None:
    """Refresh now and then, until cancelled."""
    while True:
        try:
            await refresh()
            await asyncio.sleep(every_s)
        except Exception as error:  # noqa: BLE001 - this loop outlives every fault it waits out
            log.warning("%s not read again, the last known serve on: %s", what, error)
            await asyncio.sleep(RETRY_S)


async def by_hints(kind: str, refresh: Callable[[set[str]], Awaitable[None]]) -> None:
    """Refresh what the hints of a kind name, until cancelled."""
    hinted: set[str] = set()
    came = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_hear(kind, hinted, came))
        group.create_task(_apply(kind, hinted, came, refresh))


async def _hear(kind: str, hinted: set[str], came: asyncio.Event) -> None:
    while True:
        try:
            async with browsers.listen(browsers.list_group(kind)) as listener:
                while True:
                    hinted.add((await listener.receive())["id"])
                    came.set()
        except Exception as error:  # noqa: BLE001 - as above
            log.warning("no hints of the kind %s, time refreshes: %s", kind, error)
        await asyncio.sleep(RETRY_S)


async def _apply(
    kind: str,
    hinted: set[str],
    came: asyncio.Event,
    refresh: Callable[[set[str]], Awaitable[None]],
) -> None:
    while True:
        await came.wait()
        came.clear()
        named = set(hinted)
        hinted.clear()
        try:
            await refresh(named)
        except Exception as error:  # noqa: BLE001 - as above
            log.warning("hinted rows of the kind %s not read yet: %s", kind, error)
            hinted |= named  # a hint comes once: it is kept until it was followed
            came.set()
            await asyncio.sleep(RETRY_S)
        await asyncio.sleep(COALESCE_S)
