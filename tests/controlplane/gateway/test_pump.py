"""The pump between an engine's socket and a client that takes or does not take."""

import asyncio
from collections.abc import Callable

import pytest

from controlplane.gateway.errors import AnswerStalledError, EngineDiedError
from controlplane.gateway.patience import Timeouts
from tests.controlplane.gateway.routing import ask, router_to
from tests.controlplane.gateway.scripted_engine import (
    END,
    HEAD,
    RESET,
    STALL,
    chunk,
    scripted_engine,
)


class Client:
    """Where the bytes go; `stop_at`: blocked from that many bytes on, until `go_on`."""

    def __init__(self, stop_at: int = 1 << 30) -> None:
        self.is_blocked = False
        self.when_room: Callable[[], None] | None = None
        self.taken = b""
        self.stop_at = stop_at

    def write_now(self, body: bytes, *, more: bool = True) -> None:
        self.taken += body
        self.is_blocked = len(self.taken) >= self.stop_at

    def take(self, piece: bytes) -> bool:
        self.write_now(piece)
        return b"enough" not in self.taken

    def go_on(self) -> None:
        self.stop_at, self.is_blocked = 1 << 30, False
        assert self.when_room
        self.when_room()


async def eventually(check):
    async with asyncio.timeout(20):
        while not check():  # noqa: ASYNC110 - nothing signals what is waited for
            await asyncio.sleep(0.01)


async def pumped(router, take, timeouts, tokens=0):
    async with router.ask(ask(timeouts)) as routed:
        for _ in range(tokens):
            routed.answer.patience.progress()
        await asyncio.wait_for(routed.answer.pump(take, Client()), 20)


async def test_everything_comes_in_order_to_the_end():
    pieces = [b"%d " % number for number in range(500)]
    async with (
        scripted_engine(HEAD, *map(chunk, pieces), END) as engine,
        router_to(engine.address) as router,
        router.ask(ask(Timeouts())) as routed,
    ):
        client = Client()
        await routed.answer.pump(client.take, client)
        assert client.taken == b"".join(pieces)
        assert await routed.answer.read() is None


async def test_it_ends_when_enough_was_taken():
    async with (
        scripted_engine(HEAD, chunk(b"a"), 0.05, chunk(b"enough"), STALL) as engine,
        router_to(engine.address) as router,
        router.ask(ask(Timeouts())) as routed,
    ):
        client = Client()
        await asyncio.wait_for(routed.answer.pump(client.take, client), 20)
        assert client.taken == b"aenough"


async def test_a_blocked_client_holds_the_engine_back_and_its_time_is_not_the_engines():
    big = b"x" * 8192
    async with (
        scripted_engine(HEAD, *[chunk(big)] * 400, END) as engine,
        router_to(engine.address) as router,
        router.ask(ask(Timeouts(first_token_s=20, idle_s=3))) as routed,
    ):
        client = Client(stop_at=1)

        def take(piece: bytes) -> bool:
            routed.answer.patience.progress()
            return client.take(piece)

        pumping = asyncio.create_task(routed.answer.pump(take, client))
        await eventually(lambda: client.is_blocked)
        taken = len(client.taken)
        await asyncio.sleep(4)  # longer than the engine may be silent
        assert len(client.taken) == taken
        assert not pumping.done()
        client.go_on()
        await asyncio.wait_for(pumping, 20)
        assert client.taken == big * 400


async def test_a_silent_engine_is_told_once_a_token_has_come():
    async with (
        scripted_engine(HEAD, chunk(b"a"), STALL) as engine,
        router_to(engine.address) as router,
    ):
        client = Client()
        with pytest.raises(AnswerStalledError):
            await pumped(router, client.take, Timeouts(first_token_s=60, idle_s=0.3), tokens=1)


async def test_an_engine_that_dies_is_told_after_what_it_said():
    async with (
        scripted_engine(HEAD, chunk(b"a"), chunk(b"b"), 0.05, RESET) as engine,
        router_to(engine.address) as router,
    ):
        client = Client()
        with pytest.raises(EngineDiedError):
            await pumped(router, client.take, Timeouts())
    assert client.taken == b"ab"


async def test_what_goes_wrong_in_taking_belongs_to_who_asked():
    def take(_piece: bytes) -> bool:
        raise KeyError("ours")

    async with (
        scripted_engine(HEAD, chunk(b"a"), 0.05, chunk(b"b"), STALL) as engine,
        router_to(engine.address) as router,
    ):
        with pytest.raises(KeyError):
            await pumped(router, take, Timeouts())
        await asyncio.wait_for(engine.hung_up.wait(), 20)
