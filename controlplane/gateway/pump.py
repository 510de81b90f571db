"""Moves an engine's bytes to a client in the step of the event loop in which they came.

A task woken for each token costs more than all else that is done with it, and with hundreds of
streams the tokens wait in line for their tasks. Here a stream's task sleeps until the stream ends.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from controlplane.gateway.exchange import Connection
from controlplane.gateway.patience import Patience


class Outlet(Protocol):
    """Where the bytes go. Blocked, it takes no more until it calls `when_room`."""

    is_blocked: bool
    when_room: Callable[[], None] | None

    def write_now(self, body: bytes, *, more: bool = True) -> None:
        """Send a piece; `is_blocked` afterwards says whether to go on."""
        ...


class Pump:
    """Reads one answer to its end, or until `take` wants no more of it.

    While the outlet is blocked nothing is taken: the connection holds a little and then stops
    reading, and the engine has to wait. That time is not the engine's.
    """

    def __init__(
        self,
        connection: Connection,
        patience: Patience,
        take: Callable[[bytes], bool],
        outlet: Outlet,
    ) -> None:
        self._connection = connection
        self._patience = patience
        self._take = take
        self._outlet = outlet
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._is_held = False
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Return at the end. Raises ConnectionBrokenError, TimeoutError, what `take` raises."""
        self._connection.listener = self._step
        self._outlet.when_room = self._go_on
        self._timer = self._loop.call_later(self._patience.wait(), self._look_at_the_clock)
        try:
            if self._outlet.is_blocked:
                self._hold()
            self._step()
            await self._done
        finally:
            self._connection.listener = self._outlet.when_room = None
            self._patience.waited()
            self._timer.cancel()

    def _step(self) -> None:
        if self._is_held or self._done.done():
            return
        try:
            self._move()
        except Exception as error:  # noqa: BLE001 - it belongs to the task, not to the socket
            self._done.set_exception(error)

    def _move(self) -> None:
        chunk = self._connection.take()
        if chunk is not None:
            if not self._take(chunk):
                self._done.set_result(None)
                return
            if self._outlet.is_blocked:
                self._hold()
                return
        if self._connection.is_over():
            self._done.set_result(None)

    def _hold(self) -> None:
        self._is_held = True
        self._patience.waited()

    def _go_on(self) -> None:
        if self._is_held:
            self._is_held = False
            self._patience.wait()
            self._step()

    def _look_at_the_clock(self) -> None:
        """One timer serves a whole stream: it looks when it fires, and sets itself anew."""
        left = self._patience.remaining()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look_at_the_clock)
        elif not self._done.done():
            self._done.set_exception(TimeoutError())
