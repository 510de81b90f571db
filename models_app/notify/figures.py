"""Figures of the gateway's processes, told to the page that Prometheus reads, through the broker.

Each process writes its own into its field of one hash, every few seconds, or now and then while
nothing changes. Lost or late it costs a point of a chart.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import redis
from redis import asyncio as aioredis

from models_app.domain.errors import UnavailableError
from models_app.domain.gateway_figures import DeploymentFigures
from models_app.notify.log_keys import broker, connection_options

KEY = "slipway:figures"
AGAIN_S = 10  # what did not change is told again after so long
FRESH_S = 30  # what is older is of a process that is gone
KEPT_S = 120

Figures = Mapping[str, DeploymentFigures]


class FigureBoard:
    """One process's end."""

    def __init__(self, process: str) -> None:
        self._process = process
        self._client: Any = aioredis.from_url(**connection_options())
        self._told = ""
        self._told_at = 0.0

    async def put(self, figures: Figures) -> None:
        """Tell what was counted so far, by deployment's name. Raises RedisError."""
        parts = json.dumps({name: asdict(one) for name, one in figures.items()})
        if parts == self._told and time.monotonic() - self._told_at < AGAIN_S:
            return
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.hset(KEY, self._process, json.dumps({"at": time.time(), "parts": parts}))
            pipe.expire(KEY, KEPT_S)
            await pipe.execute()
        self._told, self._told_at = parts, time.monotonic()

    async def close(self) -> None:
        """Take it down and let go of the connection. Raises RedisError."""
        try:
            if self._told:
                await self._client.hdel(KEY, self._process)
        finally:
            await self._client.aclose()


def figures_told() -> Mapping[str, Figures] | None:
    """Return what each process counted, by process; None while the broker is away."""
    try:
        with broker() as client:
            fields: Mapping[str, str] = client.hgetall(KEY)
    except (UnavailableError, redis.RedisError):
        return None
    found = {}
    oldest = time.time() - FRESH_S
    for process, text in fields.items():
        told = json.loads(text)
        if told["at"] >= oldest:
            parts = json.loads(told["parts"])
            found[process] = {name: DeploymentFigures.told(one) for name, one in parts.items()}
    return found
