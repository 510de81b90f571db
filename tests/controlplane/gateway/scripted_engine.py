"""An HTTP server on a real socket that says exactly the bytes a test wants, and sees who hangs up.

For what an engine must never do but will: the shipped fake engine misbehaves more politely.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

STALL = "stall"  # say nothing more until the client hangs up
RESET = "reset"  # break the connection

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(message: object) -> bytes:
    data = message if isinstance(message, str) else json.dumps(message)
    return chunk(f"data: {data}\n\n".encode())


def delta(text: str, **more: object) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": text}, **more}]})


DONE = event("[DONE]")
END = b"0\r\n\r\n"


def plain(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
        status,
        len(body),
        body,
    )


Step = bytes | str | float | asyncio.Event


class ScriptedEngine:
    """Plays `script` for every request: bytes to send, STALL, RESET, or what to wait for."""

    def __init__(self, script: Sequence[Step]) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.heads: list[bytes] = []
        self.asked = asyncio.Event()  # a request has come, whole
        self.hung_up = asyncio.Event()
        self.connections: set[asyncio.Task[Any]] = set()
        self.address = ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections.add(task)
        try:
            while True:
                await self._request(reader)
                for step in self.script:
                    await self._play(step, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # a cancelled task that says so makes the stream protocol complain
        finally:
            self.hung_up.set()
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        self.requests.append(await reader.readexactly(length))
        self.asked.set()

    async def _play(self, step, reader, writer) -> None:
        if step == STALL:
            await reader.read()
        elif step == RESET:
            writer.transport.abort()
            raise ConnectionError
        elif isinstance(step, asyncio.Event):
            await step.wait()
        elif isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        else:
            await asyncio.sleep(step)


@asynccontextmanager
async def scripted_engine(*script: Step) -> AsyncIterator[ScriptedEngine]:
    engine = ScriptedEngine(script)
    server = await asyncio.start_server(engine._serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    engine.address = f"{host}:{port}"
    try:
        yield engine
    finally:
        server.close()
        for connection in engine.connections:
            connection.cancel()
        await asyncio.gather(*engine.connections, return_exceptions=True)
