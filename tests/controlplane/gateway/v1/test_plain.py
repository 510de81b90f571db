"""Requests that are answered without a task, and those that begin so and go on the long way."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async

from controlplane.launch import front
from models_app.services.gateway_keys import gateway_key_revoke
from tests.controlplane.gateway.scripted_engine import DONE, END, HEAD, RESET, STALL, delta
from tests.controlplane.gateway.v1.served import chat
from tests.controlplane.gateway.v1.wire import WITHIN_S, settled, wired
from tests.factories import actor_of

BODY = b'{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}'

UNLIMITED = dict.fromkeys(("concurrent_requests", "requests_per_minute", "tokens_per_minute"))


def says(body=BODY, status=b"200 OK", type_=b"application/json"):
    head = b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (status, type_, len(body)) + body


@asynccontextmanager
async def warmed(monkeypatch, *script, **more):
    """A connection whose next request is plain; `plainly` grows by each that was."""
    plainly = []
    ask = front.ask_plainly

    def ask_and_tell(*arguments):
        request = ask(*arguments)
        if request is not None:
            plainly.append(request)
        return request

    monkeypatch.setattr(front, "ask_plainly", ask_and_tell)
    async with wired(says(), **{"limits": UNLIMITED, **more}) as (engine, it, wire):
        wire.send(wire.request())
        assert (await wire.answer())[0] == 200
        await settled(it)
        assert not plainly
        engine.script = script
        yield engine, it, wire, plainly
        await settled(it)


async def test_a_plain_request_is_answered_and_written_down_as_any_other(monkeypatch):
    async with warmed(monkeypatch, says()) as (engine, it, wire, plainly):
        longer = chat(padding="x" * 100)
        for asked in (chat(), longer, chat()):
            wire.send(wire.request(asked))
            status, head, body = await wire.answer()
            assert (status, body) == (200, BODY)
            assert b"\r\nx-slipway-deployment: chat\r\n" in head
            assert b"\r\ncontent-type: application/json\r\n" in head
            assert b"\r\nx-content-type-options: nosniff\r\n" in head
            assert b"\r\ndate: " in head
        assert len(plainly) == 3
        records = it.records()
    assert [json.loads(body) for body in engine.requests] == [chat(), chat(), longer, chat()]
    assert len({record.request_id for record in records}) == 4
    first, *others = (
        (r.deployment_id, r.replica_id, r.key_id, r.route, r.status, r.prompt_tokens,
         r.completion_tokens, r.alias, r.cached_tokens, r.first_token_ms)
        for r in records
    )  # fmt: skip
    assert others == [first] * 3


async def test_an_answer_cut_anywhere_is_the_same_answer(monkeypatch):
    whole = says()
    async with warmed(monkeypatch) as (engine, it, wire, plainly):
        for cut in range(1, len(whole), 3):
            engine.script = (whole[:cut], 0.001, whole[cut:])
            wire.send(wire.request())
            assert (await wire.answer())[::2] == (200, BODY)
        engine.script = tuple(whole[i : i + 1] for i in range(len(whole)))
        wire.send(wire.request())
        assert (await wire.answer())[::2] == (200, BODY)
        assert len(plainly) == len(range(1, len(whole), 3)) + 1
        assert {record.status for record in it.records()} == {"ok"}


@pytest.mark.parametrize(
    ("script", "status", "body"),
    [
        ((0.6, says()), 200, BODY),
        ((says()[:-10], 0.6, says()[-10:]), 200, BODY),
        ((says(b"x" * 60_000),), 200, b"x" * 60_000),
        ((says(b"x" * 600_000),), 200, b"x" * 600_000),
        ((says(b"", b"204 No Content").replace(b"Content-Length: 0\r\n", b""),), 204, b""),
        ((says(b'{"error":{"message":"no"}}', b"400 Bad"),), 400, None),
        ((says(b"", b"503 Busy"),), 503, None),
        ((b"nonsense\r\n\r\n",), 502, None),
        ((says()[:-10], RESET), 502, None),
        ((b"HTTP/1.1 100 Continue\r\n\r\n" + says(),), 200, BODY),
    ],
    ids=["slow", "halting", "long", "endless", "empty", "refused", "busy", "nonsense", "broken",
         "interim"],
)  # fmt: skip
async def test_what_is_not_plain_after_all(monkeypatch, script, status, body):
    async with warmed(monkeypatch, *script) as (_, it, wire, plainly):
        wire.send(wire.request())
        told = await wire.answer()
        assert told[0] == status
        assert body is None or told[2] == body
        assert len(plainly) == 1
        async with asyncio.timeout(WITHIN_S):
            while len(it.records()) < 2:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.01)
        assert (it.records()[-1].status == "ok") is (status < 300)


async def test_a_kept_connection_that_the_engine_closes_unread_is_replaced(monkeypatch):
    async with warmed(monkeypatch, says()) as (engine, _, wire, plainly):
        script, engine.script = engine.script, (RESET,)

        async def sound_again():
            while len(engine.requests) < 2:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0)
            engine.script = script

        again = asyncio.create_task(sound_again())
        wire.send(wire.request())
        assert (await wire.answer())[::2] == (200, BODY)
        await again
        assert len(plainly) == 1
        assert len(engine.requests) == 3


async def test_a_stream_in_answer_to_no_wish_passes_as_it_comes(monkeypatch):
    async with warmed(monkeypatch, HEAD, delta("a"), 0.05, delta("b"), DONE, END) as warm:
        _, _, wire, plainly = warm
        wire.send(wire.request())
        assert b"[DONE]" in await wire.reader.readuntil(b"0\r\n\r\n")
        assert len(plainly) == 1


async def test_a_client_that_leaves_stops_the_engine(monkeypatch):
    async with warmed(monkeypatch, STALL) as (engine, it, wire, plainly):
        wire.send(wire.request())
        async with asyncio.timeout(WITHIN_S):
            while len(engine.requests) < 2:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.01)
        wire.writer.transport.abort()
        await asyncio.wait_for(engine.hung_up.wait(), WITHIN_S)
        await settled(it)
        assert len(plainly) == 1
        assert [record.status for record in it.records()] == ["ok", "cancelled"]


async def test_a_revoked_key_ends_what_is_under_way_and_opens_nothing_more(monkeypatch):
    async with warmed(monkeypatch, STALL) as (engine, it, wire, plainly):
        wire.send(wire.request())
        async with asyncio.timeout(WITHIN_S):
            while len(engine.requests) < 2:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.01)
        await sync_to_async(gateway_key_revoke)(actor_of(it.owner), it.row)
        await it.desk.keys.refresh()
        assert (await wire.answer())[0] == 401
        wire.send(wire.request())
        assert (await wire.answer())[0] == 401
        assert len(plainly) == 1
        assert len(engine.requests) == 2


@pytest.mark.parametrize(
    ("asked", "status"),
    [(chat("nobody"), 404), ({"messages": []}, 422), (chat(n=1000), 422), (chat(), 200)],
    ids=["model", "field", "bound", "sound"],
)
async def test_what_is_refused_is_refused_on_the_long_way(monkeypatch, asked, status):
    async with warmed(monkeypatch, says()) as (engine, _, wire, plainly):
        wire.send(wire.request(asked))
        assert (await wire.answer())[0] == status
        assert bool(plainly) is (status == 200)
        assert len(engine.requests) == 1 + (status == 200)


async def test_requests_behind_a_plain_one_are_answered_in_their_order(monkeypatch):
    async with warmed(monkeypatch, 0.05, says()) as (engine, _, wire, plainly):
        wire.send(wire.request())
        async with asyncio.timeout(WITHIN_S):
            while not plainly:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0)
        wire.send(wire.head(None, "/v1/models", "GET") + wire.request())
        bodies = [(await wire.answer())[2] for _ in range(3)]
    assert [body == BODY for body in bodies] == [True, False, True]
    assert len(engine.requests) == 3


async def test_slots_are_held_and_given_back(monkeypatch):
    async with warmed(monkeypatch, 0.05, says()) as (_, it, wire, plainly):
        replica = it.desk.router.table.by_name("chat").replicas[0].id
        wire.send(wire.request())
        async with asyncio.timeout(WITHIN_S):
            while not plainly:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0)
        assert it.desk.router.load_of(replica).outstanding == 1
        await wire.answer()
        assert it.desk.router.load_of(replica).outstanding == 0


async def test_another_head_on_the_same_connection_is_read(monkeypatch):
    async with warmed(monkeypatch, says()) as (_, _, wire, plainly):
        wire.send(wire.request(x_slipway_session="a"))
        assert (await wire.answer())[0] == 200
        assert not plainly
        wire.send(wire.request().replace(wire.it.key.encode(), b"slip_x_y" + b"0" * 20))
        assert (await wire.answer())[0] == 401
        wire.send(wire.request(x_slipway_session="a"))
        assert (await wire.answer())[0] == 200
        assert not plainly
        wire.send(wire.request(x_slipway_session="a"))
        assert (await wire.answer())[0] == 200
        assert len(plainly) == 1


async def test_limits_are_counted_as_before(monkeypatch):
    limits = UNLIMITED | {"requests_per_minute": 3}
    async with warmed(monkeypatch, says(), limits=limits) as (engine, _, wire, plainly):
        statuses = []
        for _ in range(4):
            wire.send(wire.request())
            statuses.append((await wire.answer())[0])
        assert statuses == [200, 200, 429, 429]
        assert not plainly
        assert len(engine.requests) == 3
