"""Lines of the gateway's processes, told to the pages through the broker.

Each process writes what it sees into its field of one hash, every few seconds while anything goes
on there. Lost or late it costs a figure on a page; no request is routed by it.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

import redis
from redis import asyncio as aioredis

from models_app.domain.errors import UnavailableError
from models_app.domain.lines import Business, together
from models_app.notify.log_keys import broker, connection_options

KEY = "slipway:lines"
FRESH_S = 8  # what is older is of a process that is gone
KEPT_S = 60


class LineBoard:
    """One process's end: what it sees goes up, and comes down when nothing is left to see."""

    def __init__(self, process: str) -> None:
        self._process = process
        self._client: Any = aioredis.from_url(**connection_options())
        self._is_up = False

    async def put(self, seen: Mapping[str, Business]) -> None:
        """Tell what goes on now, by public id. Raises RedisError."""
        if not seen and not self._is_up:
            return
        parts = {deployment: astuple(business) for deployment, business in seen.items()}
        async with self._client.pipeline(transaction=False) as pipe:
            if seen:
                pipe.hset(KEY, self._process, json.dumps({"at": time.time(), "parts": parts}))
                pipe.expire(KEY, KEPT_S)
            else:
                pipe.hdel(KEY, self._process)
            await pipe.execute()
        self._is_up = bool(seen)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._client.aclose()


def business_of(deployment: str) -> Business | None:
    """Return what all processes see of a deployment (public id); None while the broker is away."""
    try:
        with broker() as client:
            fields: Mapping[str, str] = client.hgetall(KEY)
    except (UnavailableError, redis.RedisError):
        return None
    oldest = time.time() - FRESH_S
    told = [json.loads(text) for text in fields.values()]
    parts = [one["parts"].get(deployment) for one in told if one["at"] >= oldest]
    return together(Business(*part) for part in parts if part)
