"""A hint comes once: a read that fails does not lose it."""

import asyncio
from contextlib import suppress

from controlplane.gateway import freshness
from controlplane.gateway.freshness import by_hints
from models_app.notify import browsers


async def test_hints_are_kept_until_they_were_followed(monkeypatch):
    monkeypatch.setattr(freshness, "RETRY_S", 0.05)
    tried: list[set[str]] = []
    followed = asyncio.Event()

    async def refresh(ids):
        tried.append(set(ids))
        if len(tried) < 3:
            raise OSError("away")
        followed.set()

    task = asyncio.create_task(by_hints("odd_kind", refresh))
    try:
        async with asyncio.timeout(30):
            while not tried:  # until it listens, a hint reaches nobody
                await browsers._group_send(
                    {"type": "changed", "kind": "odd_kind", "id": "i", "version": 1}
                )
                await asyncio.sleep(0.05)
            await followed.wait()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert tried[2] == {"i"}
