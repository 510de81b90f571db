"""The HTTP of the routing core against servers that do it wrong, on real sockets."""

import asyncio

import pytest
import uvloop

from controlplane.gateway.exchange import HELD_LIMIT, ConnectionBrokenError
from controlplane.gateway.http_pool import HeadTimeoutError, HttpPool, request_head
from tests.controlplane.gateway.routing import NOWHERE
from tests.controlplane.gateway.scripted_engine import RESET, STALL, scripted_engine

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
HEAD = b"HTTP/1.1 200 OK\r\n"


async def ask(pool, engine, within_s=1.0):
    head = request_head("POST", "/x", engine.address, 2, {})
    return await pool.ask(engine.address, head, b"{}", connect_s=1, head_s=within_s)


async def read_all(connection, within_s=1.0):
    body = b""
    while (piece := await connection.read(within_s)) is not None:
        body += piece
    return body


@pytest.mark.parametrize(
    ("script", "body"),
    [
        ((OK,), b"hi"),
        (tuple(OK[i : i + 1] for i in range(len(OK))), b"hi"),
        ((HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",), b"hi"),
        ((b"HTTP/1.1 100 Continue\r\n\r\n" + OK,), b"hi"),
        ((b"HTTP/1.1 204 No Content\r\n\r\n",), b""),
    ],
    ids=["length", "drops", "chunked", "interim", "empty"],
)
async def test_whole_answers_and_a_connection_that_serves_again(script, body):
    pool = HttpPool()
    async with scripted_engine(*script) as engine:
        for number in range(3):
            connection = await ask(pool, engine)
            assert await read_all(connection) == body
            assert connection.exchanges == number + 1
            pool.give_back(engine.address, connection)
        pool.close()


async def test_an_answer_without_length_ends_with_its_connection():
    pool = HttpPool()
    async with scripted_engine(HEAD + b"Connection: close\r\n\r\nhi") as engine:
        connection = await ask(pool, engine)
        assert await connection.read(1) == b"hi"
        for task in engine.connections:
            task.cancel()
        assert await connection.read(1) is None
        pool.give_back(engine.address, connection)
    pool.close()


@pytest.mark.parametrize(
    "script",
    [
        (b"nonsense\r\n\r\n",),
        (HEAD + b"Content-Length: x\r\n\r\n",),
        (HEAD + b"X: " + b"x" * 100_000 + b"\r\n\r\n",),
        (HEAD, RESET),
        (RESET,),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", RESET),
    ],
    ids=["nonsense", "length", "headers", "half-head", "nothing", "upgrade"],
)
async def test_what_is_no_answer_is_broken_and_not_waited_for(script):
    pool = HttpPool()
    async with scripted_engine(*script) as engine:
        with pytest.raises(ConnectionBrokenError):
            await ask(pool, engine)


@pytest.mark.parametrize(
    "script",
    [
        (HEAD + b"Content-Length: 9\r\n\r\nhi", 0.05, RESET),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", 0.05, RESET),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", 0.05, b"zz\r\n"),
    ],
)
async def test_a_body_that_breaks_off_is_not_an_end(script):
    pool = HttpPool()
    async with scripted_engine(*script) as engine:
        connection = await ask(pool, engine)
        with pytest.raises(ConnectionBrokenError) as caught:
            await read_all(connection)
    assert not caught.value.unused


async def test_no_head_and_no_more_body_in_time():
    pool = HttpPool()
    async with scripted_engine(STALL) as engine:
        with pytest.raises(HeadTimeoutError):
            await ask(pool, engine, within_s=0.1)
        await asyncio.wait_for(engine.hung_up.wait(), 2)
    async with scripted_engine(HEAD + b"Content-Length: 9\r\n\r\nhi", STALL) as engine:
        connection = await ask(pool, engine)
        assert await connection.read(1) == b"hi"
        with pytest.raises(TimeoutError):
            await connection.read(0.1)
        pool.give_back(engine.address, connection)
        await asyncio.wait_for(engine.hung_up.wait(), 2)


async def test_nobody_listens():
    with pytest.raises(ConnectionRefusedError):
        await HttpPool().ask(NOWHERE, b"", b"", connect_s=1, head_s=1)


async def test_a_kept_connection_that_was_closed_meanwhile_is_replaced():
    pool = HttpPool()
    async with scripted_engine(OK, RESET) as engine:
        for _ in range(3):
            connection = await ask(pool, engine)
            assert await read_all(connection) == b"hi"
            pool.give_back(engine.address, connection)
        assert len(engine.requests) == 3


async def test_talk_that_nobody_asked_for_ends_the_connection():
    pool = HttpPool()
    async with scripted_engine(OK, 0.05, OK) as engine:
        connection = await ask(pool, engine)
        await read_all(connection)
        pool.give_back(engine.address, connection)
        await asyncio.sleep(0.2)
        assert not connection.is_usable
    pool.close()


async def test_an_engine_that_is_not_read_has_to_wait():
    sent = 0
    piece = b"x" * 65536

    async def talk(reader, writer):
        nonlocal sent
        await reader.readuntil(b"{}")
        writer.write(HEAD + b"Content-Length: 90000000\r\n\r\n")
        try:
            while sent < 80_000_000:
                writer.write(piece)
                await writer.drain()
                sent += len(piece)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    pool = HttpPool()
    head = request_head("POST", "/x", "x", 2, {})
    connection = await pool.ask(f"{host}:{port}", head, b"{}", connect_s=1, head_s=1)
    await asyncio.sleep(0.5)
    before = sent
    await asyncio.sleep(0.3)
    assert sent == before < 40_000_000  # what is under way lies in the kernel's buffers
    assert len(await connection.read(1) or b"") <= HELD_LIMIT + 65536
    connection.close()
    server.close()


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\0"])
def test_a_header_is_one_line(value):
    with pytest.raises(ValueError, match="x-odd"):
        request_head("POST", "/x", "x", 0, {"x-odd": value})


def test_under_the_loop_that_the_web_server_uses():
    async def talk():
        pool = HttpPool()
        async with scripted_engine(OK) as engine:
            for _ in range(3):
                connection = await ask(pool, engine)
                assert await read_all(connection) == b"hi"
                pool.give_back(engine.address, connection)
            assert len(engine.connections) == 1
        async with scripted_engine(HEAD + b"Content-Length: 9\r\n\r\nhi", STALL) as engine:
            connection = await ask(pool, engine)
            await connection.read(1)
            pool.give_back(engine.address, connection)
            await asyncio.wait_for(engine.hung_up.wait(), 2)
        pool.close()

    uvloop.run(talk())
