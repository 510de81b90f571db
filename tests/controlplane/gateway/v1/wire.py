"""The gateway behind a bare socket, in front of an engine that says what a test wants."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

from tests.controlplane.gateway.scripted_engine import scripted_engine
from tests.controlplane.gateway.v1.served import chat, served

WITHIN_S = 60


class Wire:
    """One connection."""

    def __init__(self, it, reader, writer):
        self.it, self.reader, self.writer = it, reader, writer

    def head(self, length, path="/v1/chat/completions", method="POST", **headers):
        lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {self.it.key}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {length}"] if length is not None else []
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def request(self, asked=None, **headers):
        body = json.dumps(chat() if asked is None else asked).encode()
        return self.head(len(body), **headers) + body

    def send(self, data):
        self.writer.write(data)

    async def answer(self):
        """Read one answer of known length."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return int(head.split(b" ")[1]), head, await self.reader.readexactly(length)

    async def rest(self):
        return await asyncio.wait_for(self.reader.read(), WITHIN_S)


@asynccontextmanager
async def wire_to(it, room=1 << 16):
    """`room`: how much the client's kernel takes that the client does not read."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    sock.setblocking(False)
    host, _, port = it.address.partition(":")
    await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=sock)
    try:
        async with asyncio.timeout(WITHIN_S):
            yield Wire(it, reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def wired(*script, **more):
    async with (
        scripted_engine(*script) as engine,
        served({"chat": engine.address}, **more) as it,
        wire_to(it) as wire,
    ):
        yield engine, it, wire


async def settled(it):
    """Wait until nothing of any request is left."""
    async with asyncio.timeout(WITHIN_S):
        while it.desk._count or it.desk._body_bytes or it.desk._under_way:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
