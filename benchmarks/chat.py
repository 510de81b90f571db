"""What the playground adds to the time to the first token: `python -m benchmarks.chat`.

A whole Slipway deploys its bundled model. Then, in turn, the same request goes straight to the
engine, and through the page's socket as the browser sends it; each is timed until the first piece
of text. Promise: 20 ms more at the median.
"""

import argparse
import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.figures import machine, tell
from benchmarks.house import signed_in
from tests.flows.house import House, wait_for

PROMISED_MORE_MS = 20.0
LONGEST_S = 180.0
QUESTION = "Say hello."
PARAMETERS = {"max_tokens": 2, "temperature": 0, "seed": 1}


def main() -> int:
    """Measure; return 1 when the promise is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    machine()
    with tempfile.TemporaryDirectory() as folder, House(Path(folder) / "data") as house:
        house.start_and_wait()
        cookie = signed_in(house)
        wait_for(lambda: _ready(house.data), LONGEST_S)
        deployment, address = _ready(house.data) or ("", "")
        direct, through = asyncio.run(_measure(house, cookie, deployment, address, options.rounds))
        house.stop()
    tell("straight to the engine", unit="ms", values=direct, promise=None)
    tell("through the playground", unit="ms", values=through, promise=None)
    more = [one - other for one, other in zip(through, direct, strict=True)]
    added = statistics.median(through) - statistics.median(direct)
    print(f"ratio of medians {statistics.median(through) / statistics.median(direct):.3f}")
    tell("added, pair by pair", unit="ms", values=more, promise=None)
    return (
        0 if tell("added at the median", unit="ms", values=[added], promise=PROMISED_MORE_MS) else 1
    )


def _ready(data: Path) -> tuple[str, str] | None:
    """Return a deployment's name and its ready replica's address."""
    query = (
        "SELECT d.name, r.address FROM models_app_replica r JOIN models_app_deployment d"
        " ON d.id = r.deployment_id WHERE r.state = 'ready'"
    )
    with closing(sqlite3.connect(data / "slipway.sqlite3", timeout=20)) as ledger:
        row: tuple[str, str] | None = ledger.execute(query).fetchone()
        return row


async def _measure(
    house: House, cookie: str, deployment: str, address: str, rounds: int
) -> tuple[list[float], list[float]]:
    url = f"{house.url.replace('http', 'ws')}/ws/chat/"
    direct: list[float] = []
    through: list[float] = []
    headers = {"Cookie": cookie}
    async with (
        connect(url, additional_headers=headers, origin=house.url) as line,  # type: ignore[arg-type]
        httpx.AsyncClient(base_url=f"http://{address}", timeout=LONGEST_S) as engine,
    ):
        _, body = await _through(line, deployment, "warm")
        await _direct(engine, body)
        for number in range(rounds):
            direct.append(await _direct(engine, body))
            took, sent = await _through(line, deployment, f"answer-{number}")
            through.append(took)
            if sent != body:
                raise SystemExit(f"not the same request: {sent} and {body}")
    return direct, through


async def _direct(engine: httpx.AsyncClient, body: Mapping[str, Any]) -> float:
    """Return the milliseconds until the engine's first piece of text."""
    began, first = time.perf_counter(), 0.0
    async with engine.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as got:
        async for line in got.aiter_lines():
            if first or not line.startswith("data: {"):
                continue
            choices = json.loads(line.removeprefix("data: ")).get("choices")
            if choices and choices[0].get("delta", {}).get("content"):
                first = time.perf_counter()
    return 1000 * (first - began)


async def _through(
    line: ClientConnection, deployment: str, answer: str
) -> tuple[float, dict[str, Any]]:
    """Return the milliseconds until the page hears the first text, and what the engine was sent."""
    request = {
        "id": answer,
        "deployment": deployment,
        "messages": [{"role": "user", "content": QUESTION}],
        "parameters": PARAMETERS,
    }
    body: dict[str, Any] = {}
    began, first = time.perf_counter(), 0.0
    await line.send(json.dumps({"type": "ask", "lang": "en", "request": request}))
    while True:
        frame = json.loads(await asyncio.wait_for(line.recv(), LONGEST_S))
        if frame["type"] == "started":
            body = json.loads(frame["json"])
        if frame["type"] in {"text", "rendered"} and not first:
            first = time.perf_counter()
        if frame["type"] == "failed":
            raise SystemExit(frame)
        if frame["type"] == "done":
            return 1000 * (first - began), body


if __name__ == "__main__":
    raise SystemExit(main())
