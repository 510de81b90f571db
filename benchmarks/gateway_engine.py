"""An engine that costs next to nothing: canned answers, streams on a clock, on one uvloop.

The shipped fake engine gives each client a thread; hundreds of streams would measure its threads
and not the gateway. This one says the same bytes. `python -m benchmarks.gateway_engine PORT`.
Header `x-rate`: tokens a second of a stream; `x-tokens`: how many. Each token carries the engine's
clock, so that a reader can tell how old it is.
"""

import asyncio
import gc
import json
import sys
import time
from typing import cast

import uvloop

ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "bench",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "A small model answers."},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
    }
).encode()
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(ANSWER),
    ANSWER,
)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def piece(data: bytes) -> bytes:
    event = b"data: " + data + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(event), event)


FIRST = piece(
    b'{"id":"1","object":"chat.completion.chunk","model":"bench","choices":[{"index":0,'
    b'"delta":{"role":"assistant","content":null},"finish_reason":null}]}'
)
TOKEN = (
    b'{"id":"1","object":"chat.completion.chunk","created":1,"model":"bench","choices":[{"index":0,'
    b'"delta":{"content":" %d"},"finish_reason":null}]}'
)
USAGE = piece(b'{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":9}}')
END = piece(b"[DONE]") + b"0\r\n\r\n"


class Engine(asyncio.Protocol):
    """One client's connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.buffer = b""
        self.timer: asyncio.TimerHandle | None = None
        self.loop = asyncio.get_running_loop()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer:
            self.timer.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"get"):
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        elif b'"stream": true' not in body and b'"stream":true' not in body:
            self.transport.write(WHOLE)
        else:
            asked = json.loads(body)
            self.gap = 1 / float(asked.get("x_rate", 20))
            self.left = int(asked.get("x_tokens", 20))
            self.usage = bool((asked.get("stream_options") or {}).get("include_usage"))
            self.transport.write(HEAD + FIRST)
            self.due = self.loop.time()
            self.token()

    def token(self) -> None:
        if self.left == 0:
            self.transport.write((USAGE if self.usage else b"") + END)
            return
        self.left -= 1
        self.transport.write(piece(TOKEN % time.monotonic_ns()))
        self.due += self.gap
        self.timer = self.loop.call_at(self.due, self.token)


async def main(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Engine, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    gc.disable()  # its pauses would be measured as the gateway's
    uvloop.run(main(int(sys.argv[1])))
