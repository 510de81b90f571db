"""Connections to the gateway as clients use and misuse them, on bare sockets."""

import asyncio
import json
from contextlib import suppress

import pytest

from controlplane.gateway.v1 import desk as desk_module
from controlplane.gateway.v1.direct_call import DirectCall
from tests.controlplane.gateway.scripted_engine import (
    DONE,
    END,
    HEAD,
    STALL,
    delta,
    plain,
)
from tests.controlplane.gateway.v1.served import chat
from tests.controlplane.gateway.v1.wire import WITHIN_S, settled, wired

ANSWER = b'{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}'


async def test_a_connection_serves_many_requests_of_every_kind():
    async with wired(plain(200, ANSWER)) as (engine, it, wire):
        for _ in range(5):
            wire.send(wire.request())
            status, head, body = await wire.answer()
            assert (status, body) == (200, ANSWER)
            assert b"\r\ndate: " in head
            assert b"\r\nx-request-id: " in head
            wire.send(wire.head(None, "/v1/models", "GET"))
            assert (await wire.answer())[0] == 200
        await settled(it)
    assert len(engine.requests) == 5


async def test_requests_sent_at_once_are_answered_in_their_order():
    async with wired(0.05, plain(200, ANSWER)) as (engine, _, wire):
        wire.send(wire.request() * 3 + wire.head(None, "/v1/models", "GET") + wire.request())
        bodies = [(await wire.answer())[2] for _ in range(5)]
    assert [body == ANSWER for body in bodies] == [True, True, True, False, True]
    assert len(engine.requests) == 4


async def test_requests_sent_after_a_stream_has_begun_wait_for_its_end():
    async with wired(HEAD, delta("a"), 0.1, delta("b"), DONE, END) as (_, _, wire):
        body = json.dumps(chat(stream=True)).encode()
        wire.send((wire.head(len(body)) + body) * 2 + wire.request(connection="close"))
        answers = await wire.rest()
    assert answers.count(b"HTTP/1.1 200") == 3
    assert answers.count(b"[DONE]") == 3
    first, second, _ = (
        part.partition(b"\r\n\r\n")[2] for part in answers.split(b"HTTP/1.1 200")[1:]
    )
    assert first == second
    assert first.endswith(b"0\r\n\r\n")


async def test_a_request_in_drops():
    async with wired(plain(200, ANSWER)) as (engine, _, wire):
        for byte in wire.request():
            wire.send(bytes([byte]))
            await wire.writer.drain()
            await asyncio.sleep(0)
        assert (await wire.answer())[0] == 200
    assert json.loads(engine.requests[0]) == chat()


async def test_a_body_of_chunks():
    body = json.dumps(chat()).encode()
    async with wired(plain(200, ANSWER)) as (engine, _, wire):
        wire.send(wire.head(None, transfer_encoding="chunked"))
        wire.send(b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
        assert (await wire.answer())[0] == 200
    assert engine.requests == [body]


@pytest.mark.parametrize("headers", [{"connection": "close"}, {"expect": "100-continue"}])
async def test_unusual_frames_are_answered_too(headers):
    async with wired(plain(200, ANSWER)) as (_, _, wire):
        wire.send(wire.request(**headers))
        if "expect" in headers:
            assert b" 100 " in await wire.reader.readuntil(b"\r\n\r\n")
        status, head, body = await wire.answer()
        assert (status, body) == (200, ANSWER)
        if "connection" in headers:
            assert b"connection: close" in head
            assert await wire.rest() == b""


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(desk_module, "BODY_S", 0.2)
    async with wired(plain(200, ANSWER)) as (engine, it, wire):
        wire.send(wire.head(100) + b"{")
        status, _, body = await wire.answer()
        assert (status, json.loads(body)["error"]["code"]) == (408, "body_too_slow")
        await settled(it)
    assert not engine.requests


async def test_a_client_that_leaves_in_its_body_leaves_nothing_behind():
    async with wired(plain(200, ANSWER)) as (engine, it, wire):
        wire.send(wire.head(100) + b"{")
        async with asyncio.timeout(WITHIN_S):
            while not it.desk._count:  # noqa: ASYNC110 - nothing signals that it was read
                await asyncio.sleep(0.01)
        wire.writer.close()
        await settled(it)
        assert not it.records()
    assert not engine.requests


async def test_a_client_that_leaves_an_open_stream_stops_the_engine():
    async with wired(HEAD, delta("a"), STALL) as (engine, it, wire):
        body = json.dumps(chat(stream=True)).encode()
        wire.send(wire.head(len(body)) + body)
        await wire.reader.readuntil(b"data: ")
        wire.writer.transport.abort()
        await asyncio.wait_for(engine.hung_up.wait(), WITHIN_S)
        await settled(it)
        assert [record.status for record in it.records()] == ["cancelled"]


async def test_a_large_body_before_its_key_is_known_is_not_read_on(monkeypatch):
    """Whose key is looked up may not fill the memory meanwhile."""
    async with wired(plain(200, ANSWER)) as (_, it, wire):
        check, go_on, read = it.desk.keys.check, asyncio.Event(), 0
        feed = DirectCall.feed

        async def slowly(text):
            await go_on.wait()
            return await check(text)

        def counted(call, piece):
            nonlocal read
            read += len(piece)
            feed(call, piece)

        monkeypatch.setattr(it.desk.keys, "check", slowly)
        monkeypatch.setattr(DirectCall, "feed", counted)
        body = json.dumps(chat(padding="x" * (3 << 20))).encode()
        wire.send(wire.head(len(body)) + body)
        await asyncio.sleep(1)
        assert 0 < read < 1 << 20
        go_on.set()
        assert (await wire.answer())[0] == 200
        assert read == len(body)


async def test_a_client_that_asks_and_asks_and_takes_nothing_is_held_back():
    big = plain(200, b'{"x":"' + b"x" * 250_000 + b'"}')
    async with wired(big) as (engine, it, wire):
        wire.writer.transport.pause_reading()
        for number in range(400):
            wire.send(wire.request())
            with suppress(TimeoutError):
                async with asyncio.timeout(2):
                    while len(engine.requests) <= number or it.desk._count:  # noqa: ASYNC110
                        await asyncio.sleep(0.005)
            if it.desk._count:
                break
        assert it.desk._count == 1  # it waits for the client, and others for it
        wire.writer.transport.resume_reading()
        for _ in range(number + 1):
            assert (await wire.answer())[0] == 200


async def test_a_connection_that_rests_is_closed_in_the_end():
    async with wired(plain(200, ANSWER), keep_alive_s=1) as (_, _, wire):
        wire.send(wire.request())
        await wire.answer()
        wire.send(wire.request())
        await wire.answer()
        assert await wire.rest() == b""
