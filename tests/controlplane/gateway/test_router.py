"""Routing over real sockets: one retry before the first byte, none after it, and letting go."""

import asyncio

import pytest

from controlplane.gateway.errors import (
    AnswerStalledError,
    EngineBusyError,
    EngineDiedError,
    EngineRefusedError,
    EngineUnreachableError,
    FirstTokenTimeoutError,
    NoReplicaError,
)
from controlplane.gateway.router import Ask, Router
from controlplane.gateway.table import RouteTable
from models_app.domain.errors import NotFoundError
from models_app.domain.routes import DeploymentRoute
from tests.controlplane.gateway.routing import NOWHERE, ask, router_to
from tests.controlplane.gateway.scripted_engine import (
    DONE,
    END,
    HEAD,
    RESET,
    STALL,
    delta,
    plain,
    scripted_engine,
)


async def read(router, *, tokens=False):
    """Read an answer to its end; `tokens`: every chunk is one, as a reader of the protocol says."""
    body = b""
    async with router.ask(ask()) as routed:
        async for chunk in routed.answer.chunks():
            body += chunk
            if tokens:
                routed.answer.patience.progress()
    return routed, body


async def test_bytes_pass_as_they_came():
    async with (
        scripted_engine(HEAD, delta("è 🙂"), DONE, END) as engine,
        router_to(engine.address) as router,
    ):
        routed, body = await read(router)
    assert routed.replica.address == engine.address
    assert b'"content": "\\u00e8 \\ud83d\\ude42"' in body
    assert body.endswith(b"data: [DONE]\n\n")
    assert engine.requests == [b"{}"]
    assert router.load_of("replica-0").outstanding == 0


async def test_an_unknown_deployment_is_not_found():
    async with router_to(NOWHERE) as router:
        with pytest.raises(NotFoundError):
            async with router.ask(Ask("other", "/", b"")):
                pass


async def test_without_a_ready_replica_the_error_says_in_which_state_it_is():
    route = DeploymentRoute("i", 1, "chat", "degraded", "fake", "F", (), "OUT_OF_MEMORY")
    router = Router(RouteTable(read=lambda only: [route]))
    with pytest.raises(NoReplicaError) as caught:
        await read(router)
    await router.stop()
    assert caught.value.params == {
        "name": "chat",
        "state": "degraded",
        "failure_code": "OUT_OF_MEMORY",
        "failure_params": {},
        "progress": {},
    }


@pytest.mark.parametrize(
    "bad",
    [
        (RESET,),
        (plain(503, b'{"error": {"message": "Loading model"}}'),),
        (HEAD, RESET),
    ],
    ids=["reset", "loading", "headers-only"],
)
@pytest.mark.parametrize("seed", range(4))
async def test_before_the_first_byte_another_replica_is_asked_once(bad, seed):
    async with (
        scripted_engine(*bad) as sick,
        scripted_engine(HEAD, delta("hi"), DONE, END) as sound,
        router_to(sick.address, sound.address, seed=seed) as router,
    ):
        routed, body = await read(router)
    assert routed.replica.address == sound.address
    assert b"hi" in body
    assert len(sound.requests) == 1
    assert len(sick.requests) <= 1


async def test_when_both_fail_there_is_no_third_try():
    async with (
        scripted_engine(plain(503, b"busy")) as one,
        scripted_engine(plain(503, b"busy")) as two,
        scripted_engine(plain(503, b"busy")) as three,
        router_to(one.address, two.address, three.address) as router,
    ):
        with pytest.raises(EngineBusyError):
            await read(router)
    assert len(one.requests) + len(two.requests) + len(three.requests) == 2


async def test_after_the_first_byte_nothing_is_tried_again():
    async with (
        scripted_engine(HEAD, delta("half an ans"), 0.05, RESET) as one,
        scripted_engine(HEAD, delta("half an ans"), 0.05, RESET) as two,
        router_to(one.address, two.address) as router,
    ):
        with pytest.raises(EngineDiedError):
            await read(router)
    assert len(one.requests) + len(two.requests) == 1


async def test_nobody_listens():
    async with router_to(NOWHERE) as router:
        with pytest.raises(EngineUnreachableError) as caught:
            await read(router)
    assert caught.value.params["host"] == "shop"


async def test_the_engines_own_error_keeps_its_status_and_words():
    body = b'{"error": {"code": 400, "message": "context is full", "type": "x"}}'
    async with scripted_engine(plain(400, body)) as engine, router_to(engine.address) as router:
        with pytest.raises(EngineRefusedError) as caught:
            await read(router)
        assert router.load_of("replica-0").failures == 0
    assert caught.value.params["engine_status"] == 400
    assert caught.value.params["message"] == "context is full"


async def test_an_endless_error_body_is_cut():
    async with (
        scripted_engine(
            b"HTTP/1.1 500 X\r\nContent-Length: 900000000\r\n\r\n" + b"x" * 1_000_000, STALL
        ) as engine,
        router_to(engine.address) as router,
    ):
        with pytest.raises(EngineRefusedError) as caught:
            await read(router)
        await asyncio.wait_for(engine.hung_up.wait(), 5)
    assert len(caught.value.params["message"]) == 500


async def test_no_first_token_in_time():
    async with scripted_engine(HEAD, STALL) as engine, router_to(engine.address) as router:
        with pytest.raises(FirstTokenTimeoutError) as caught:
            await read(router)
        await asyncio.wait_for(engine.hung_up.wait(), 2)
    assert caught.value.params["seconds"] == 0.4


async def test_keep_alive_comments_are_not_tokens():
    ping = b"3\r\n: p\r\n"
    async with (
        scripted_engine(HEAD, *(part for _ in range(20) for part in (ping, 0.1))) as engine,
        router_to(engine.address) as router,
    ):
        with pytest.raises(FirstTokenTimeoutError):
            await read(router)


async def test_a_stall_after_the_first_token():
    async with (
        scripted_engine(HEAD, delta("a"), STALL) as engine,
        router_to(engine.address) as router,
    ):
        with pytest.raises(AnswerStalledError):
            await read(router, tokens=True)
        await asyncio.wait_for(engine.hung_up.wait(), 2)


async def test_a_slow_reader_is_not_the_engines_fault():
    async with (
        scripted_engine(HEAD, delta("a"), 0.05, delta("b"), DONE, END) as engine,
        router_to(engine.address) as router,
        router.ask(ask()) as routed,
    ):
        chunks = []
        async for chunk in routed.answer.chunks():
            routed.answer.patience.progress()
            chunks.append(chunk)
            await asyncio.sleep(0.4)  # longer than the engine may be idle
    assert b"[DONE]" in b"".join(chunks)


async def test_leaving_lets_go_of_the_engine():
    async with (
        scripted_engine(HEAD, delta("a"), STALL) as engine,
        router_to(engine.address) as router,
    ):
        async with router.ask(ask()) as routed:
            await anext(routed.answer.chunks())
            assert router.load_of("replica-0").outstanding == 1
        await asyncio.wait_for(engine.hung_up.wait(), 2)
        assert router.load_of("replica-0").outstanding == 0


async def test_being_cancelled_lets_go_of_the_engine_and_blames_nobody():
    async with scripted_engine(HEAD, STALL) as engine, router_to(engine.address) as router:
        task = asyncio.create_task(read(router))
        await engine.asked.wait()
        task.cancel()
        await asyncio.wait_for(engine.hung_up.wait(), 2)
        load = router.load_of("replica-0")
    assert (load.outstanding, load.failures) == (0, 0)


async def test_three_failures_eject_a_replica():
    async with (
        scripted_engine(HEAD, delta("hi"), DONE, END) as sound,
        router_to(NOWHERE, sound.address) as router,
    ):
        while router.load_of("replica-0").failures < 3:
            await read(router)
        for _ in range(20):
            await read(router)
        assert router.load_of("replica-0").failures == 3
