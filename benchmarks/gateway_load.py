"""Reads streams, many at once, and tells how old each token was: the driver of `gateway.py`.

`python -m benchmarks.gateway_load URL STREAMS RATE TOKENS KEY`: prints one JSON line. Every stream
begins at its own place in the token's beat, as strangers' streams do. The engine runs on the same
machine and puts its monotonic clock into every token, so the age of a token is what lies between
its making and its reading.
"""

import asyncio
import gc
import json
import sys
import time
from functools import partial
from typing import Any, cast

import uvloop

from benchmarks.figures import share


class Reader(asyncio.Protocol):
    """One stream."""

    def __init__(self, request: bytes, done: "asyncio.Future[None]") -> None:
        self.request = request
        self.done = done
        self.tail = b""
        self.ages: list[int] = []
        self.gaps: list[int] = []
        self.last = 0
        self.first_ms = 0.0
        self.whole = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.asked = time.monotonic_ns()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        self.tail += data
        *lines, self.tail = self.tail.split(b"\n\n")
        for line in lines:
            at = line.find(b'"content":" ')
            if at >= 0:
                made = int(line[at + 12 : line.index(b'"', at + 12)])
                self.note(now, made)
            elif line.endswith(b"data: [DONE]"):
                self.whole = True
                self.transport.close()

    def note(self, now: int, made: int) -> None:
        if self.last:
            self.gaps.append(now - self.last)
        else:
            self.first_ms = (now - self.asked) / 1e6
        self.last = now
        self.ages.append(now - made)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def _same(reader: Reader) -> Reader:
    return reader


async def run(url: str, streams: int, rate: float, tokens: int, key: str) -> dict[str, Any]:
    address, _, path = url.removeprefix("http://").partition("/")
    host, _, port = address.partition(":")
    body = json.dumps(
        {
            "model": "bench",
            "messages": [{"role": "user", "content": "Hello there, how are you?"}],
            "stream": True,
            "x_rate": rate,
            "x_tokens": tokens,
        }
    )
    request = (
        f"POST /{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    loop = asyncio.get_running_loop()
    readers: list[Reader] = []
    for _ in range(streams):
        reader = Reader(request, loop.create_future())
        readers.append(reader)
        await loop.create_connection(partial(_same, reader), host, int(port))
        await asyncio.sleep(min(1.0, 5.0 / streams))
    await asyncio.gather(*(reader.done for reader in readers))
    ages = [age / 1e6 for reader in readers for age in reader.ages]
    firsts = [reader.first_ms for reader in readers if reader.ages]
    whole = sum(reader.whole and len(reader.ages) == tokens for reader in readers)
    late = [gap / 1e6 - 1000 / rate for reader in readers for gap in reader.gaps]
    return {
        "streams": streams,
        "broken": streams - whole,
        "tokens": len(ages),
        "first_ms": {"p50": share(firsts, 0.5), "p99": share(firsts, 0.99)},
        "age_ms": {"p50": share(ages, 0.5), "p99": share(ages, 0.99), "worst": max(ages)},
        "late_ms": {"p50": share(late, 0.5), "p99": share(late, 0.99), "worst": max(late)},
    }


if __name__ == "__main__":
    gc.disable()  # its pauses would be measured as the gateway's
    _, url, streams, rate, tokens, key = sys.argv
    print(json.dumps(uvloop.run(run(url, int(streams), float(rate), int(tokens), key))))
