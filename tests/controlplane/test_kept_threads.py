"""Requests take threads in turn: never two at once, the same one again, none that broke off."""

import asyncio
import threading
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from controlplane.kept_threads import KEPT, KeptThreads, keep_connections

SCOPE = {"type": "http"}


async def nothing() -> dict[str, Any]:
    return {}


async def unsent(_message: Any) -> None:
    """Take an answer that nobody reads."""


class Desk:
    """An application that notes the threads on which it was run."""

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.barrier: threading.Barrier | None = None
        self.error: Exception | None = None

    def work(self) -> None:
        self.threads.append(threading.get_ident())
        if self.barrier:
            self.barrier.wait(30)
        if self.error:
            raise self.error

    async def __call__(self, *_asked: Any) -> None:
        await sync_to_async(self.work)()
        await sync_to_async(self.work)()


def test_one_after_the_other_uses_one_thread() -> None:
    desk = Desk()

    async def ask() -> None:
        application = KeptThreads(desk)
        for _ in range(3):
            await application(SCOPE, nothing, unsent)

    asyncio.run(ask())
    assert len(desk.threads) == 6
    assert len(set(desk.threads)) == 1


def test_requests_at_once_do_not_wait_for_each_other() -> None:
    desk, many = Desk(), KEPT + 4
    desk.barrier = threading.Barrier(many)  # broken, were two of them on one thread

    async def ask() -> None:
        application = KeptThreads(desk)
        await asyncio.gather(*(application(SCOPE, nothing, unsent) for _ in range(many)))
        assert len(application._idle) == KEPT

    asyncio.run(ask())
    assert len(set(desk.threads)) == many


def test_a_thread_whose_request_broke_off_is_not_lent_again() -> None:
    desk = Desk()

    async def ask() -> None:
        application = KeptThreads(desk)
        desk.error = ValueError("broken off")
        with pytest.raises(ValueError, match="broken off"):
            await application(SCOPE, nothing, unsent)
        assert not application._idle
        desk.error = None
        await application(SCOPE, nothing, unsent)
        assert len(application._idle) == 1

    asyncio.run(ask())


def test_connections_are_kept_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = connections.settings["default"]
    assert settings["CONN_MAX_AGE"] == 0
    monkeypatch.setitem(settings, "CONN_MAX_AGE", 0)  # and put back afterwards
    keep_connections()
    assert settings["CONN_MAX_AGE"] > 0
