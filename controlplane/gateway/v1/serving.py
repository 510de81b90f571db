"""One request of the gateway from its key to its last byte, and what is written down of it."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence

from msgspec.structs import replace

from controlplane.gateway.errors import (
    EngineMalformedError,
    LineFullError,
    LineTimeoutError,
    NoReplicaError,
    RoutingError,
)
from controlplane.gateway.meter import Meter
from controlplane.gateway.router import Asked, Routed
from controlplane.gateway.v1.allowance import (
    NOTHING_COUNTED,
    Ended,
    allowance,
    settle,
    tokens_used,
)
from controlplane.gateway.v1.answer_head import DEPLOYMENT_HEADER
from controlplane.gateway.v1.asking import ask_for, understood, wishes_of
from controlplane.gateway.v1.body import Fields, with_stream_usage
from controlplane.gateway.v1.call import Call, Headers
from controlplane.gateway.v1.desk import Desk
from controlplane.gateway.v1.error_shapes import error_answer, error_event
from controlplane.gateway.v1.errors import LimitedError, SlowClientError
from controlplane.gateway.v1.noting import record_of
from controlplane.gateway.v1.relay import Relay, relay
from controlplane.gateway.v1.spoken import Spoken
from models_app.domain.errors import SlipwayError
from models_app.domain.gateway import GatewayKeyFacts
from models_app.domain.routes import DeploymentRoute

log = logging.getLogger(__name__)


# Before the first byte; not FirstTokenTimeoutError: docs/decisions/gateway-one-try-elsewhere.md
_NEXT_MAY_ANSWER = (NoReplicaError, LineFullError, LineTimeoutError, EngineMalformedError)


class Serving:
    """Runs in the task of its request; cancelling that stops the engine's work."""

    def __init__(
        self,
        desk: Desk,
        call: Call,
        key: GatewayKeyFacts,
        spoken: Spoken,
        hand_on: Relay = relay,
    ) -> None:
        self.call = call
        self._hand_on = hand_on
        self.key = key
        self._desk = desk
        self._spoken = spoken
        self.allowed = NOTHING_COUNTED
        self._meter = Meter()
        self._route: DeploymentRoute | None = None
        self._replica_id: int | None = None
        self._alias = ""
        self._asked_at: float | None = None  # since then an engine works for it
        self._wants_stream = False
        self._task: asyncio.Task[None] | None = None
        self._client_left = False
        self._stopped_by: SlipwayError | None = None

    async def run(self, body: bytes) -> None:
        """Answer; every way it can end is told, except to who has left."""
        await self._run(self._answer(body))

    async def go_on(self, asked: Asked, meter: Meter) -> None:
        """Answer a request that was asked already, as one that `run` has asked."""
        self._route, self._meter = asked.route, meter
        await self._run(self._answer_asked(asked))

    async def _run(self, answer: Coroutine[None, None, None]) -> None:
        self._task = asyncio.current_task()
        self._desk.begin(self)
        self.call.watch(self._when_client_left)
        status = "ok"
        try:
            await answer
        except asyncio.CancelledError:
            status = await self._cancelled()
        except SlipwayError as error:
            status = error.code
            if self._replica_id is None and isinstance(error, RoutingError):
                self._replica_id = error.replica_id  # it refused, or could not be reached
            await self._fail(error)
        except Exception:
            status = "INTERNAL"
            log.exception("a request of the gateway failed")
            await self._fail(SlipwayError())
        finally:
            self.call.unwatch()
            self._desk.end(self)
            self._note(status)
            await self._settle(self._ended_as(status))

    def stop(self, error: SlipwayError) -> None:
        """End it from outside; the client is told why, if it still listens."""
        if self._task is not None and self._stopped_by is None:
            self._stopped_by = error
            self._task.cancel()

    async def _answer(self, body: bytes) -> None:
        fields = understood(self.key, self._spoken, body)
        meant = await self._desk.names.meaning(fields.model, self.key)
        self._alias = meant.alias
        self._wants_stream = bool(fields.stream)
        hides_usage = False
        if fields.stream and self._spoken.usage_on_wish:
            asking = with_stream_usage(body, fields)
            hides_usage, body = asking is not None, asking or body
        await self._pass_on(
            *await self._open(meant.candidates, fields, body), hides_usage=hides_usage
        )

    async def _answer_asked(self, asked: Asked) -> None:
        await self._pass_on(*await self._desk.router.open_asked(asked), hides_usage=False)

    async def _pass_on(self, routed: Routed, began: float, *, hides_usage: bool) -> None:
        error: RoutingError | None = None
        seconds: float | None = None
        try:
            self._replica_id = routed.replica.row_id
            await self._hand_on(
                self.call,
                routed,
                self._spoken,
                self._meter,
                hides_usage=hides_usage,
                headers=self._headers(routed),
            )
            seconds = self._desk.clock() - began
        except RoutingError as caught:
            error = caught
            raise
        finally:
            self._desk.router.close(routed, error=error, seconds=seconds)

    async def _open(
        self, candidates: Sequence[DeploymentRoute], fields: Fields, body: bytes
    ) -> tuple[Routed, float]:
        """Ask the deployments in order until one answers; the last one's error is the answer."""
        for route in candidates[:-1]:
            try:
                return await self._open_one(route, fields, body)
            except RoutingError as error:
                if not (error.retry_elsewhere or isinstance(error, _NEXT_MAY_ANSWER)):
                    raise
            except LimitedError as limited:
                if limited.of_key:
                    raise
            await self._settle(Ended.FAILED)
        return await self._open_one(candidates[-1], fields, body)

    async def _open_one(
        self, route: DeploymentRoute, fields: Fields, body: bytes
    ) -> tuple[Routed, float]:
        self._route, self._asked_at = route, None
        wishes = wishes_of(self.call.header, self._spoken)
        ask = ask_for(self.key, route, self._spoken, wishes, fields, body)
        self.allowed = await allowance(
            self._desk.counters,
            self.key,
            route,
            self.call.id,
            ask.body,
            fields,
            self._spoken.route,
        )
        if self.allowed.ticket is not None:
            ask = replace(ask, when_asked=self._when_asked)
        return await self._desk.router.open(route, ask)

    def _when_asked(self) -> None:
        self._asked_at = time.monotonic()

    def _headers(self, routed: Routed) -> Headers:
        return [(DEPLOYMENT_HEADER, routed.route.name.encode()), *self.allowed.headers()]

    async def _settle(self, ended: Ended) -> None:
        """Give back what was reserved and not used."""
        allowed, self.allowed = self.allowed, NOTHING_COUNTED
        if allowed.ticket is None:
            return
        used = 0
        if self._asked_at is not None:
            used = tokens_used(
                allowed,
                self._meter,
                ended,
                is_stream=self._wants_stream,
                seconds=time.monotonic() - self._asked_at,
                sent=self.call.sent,
            )
        await settle(self._desk.counters, allowed, used)

    def _ended_as(self, status: str) -> Ended:
        if status == "ok":
            return Ended.WELL
        is_left = status == "cancelled" or self._stopped_by is not None
        return Ended.LEFT if is_left else Ended.FAILED

    async def _fail(self, error: SlipwayError) -> None:
        """Tell an error: as the answer, or at the end of a stream that has begun."""
        if not self.call.started:
            told = error_answer(error, self._spoken.dialect)
            await self.call.answer(told.status, told.body, told.headers)
        elif self.call.is_stream:
            event = error_event(error, self.call.path, self._spoken.dialect)
            await self.call.write(event, more=False)
        else:
            self.call.cut()  # a whole answer that breaks off: better no end than a false one

    async def _cancelled(self) -> str:
        """Tell the three reasons apart: the client left, somebody stopped it, the server stops."""
        if self._stopped_by is not None and self._task is not None:
            self._task.uncancel()
            if isinstance(self._stopped_by, SlowClientError):
                self.call.cut()
            else:
                await self._fail(self._stopped_by)
            return self._stopped_by.code
        if self._client_left and self._task is not None:
            self._task.uncancel()
            return "cancelled"
        self._note("cancelled")
        raise asyncio.CancelledError

    def _when_client_left(self) -> None:
        self._client_left = True
        if self._task is not None:
            self._task.cancel()

    def _note(self, status: str) -> None:
        route, self._route = self._route, None  # once
        if route is None:
            return
        self._desk.usage.note(
            record_of(
                self.call.id,
                self._meter.figures(),
                key=self.key,
                spoken=self._spoken,
                route=route,
                replica_id=self._replica_id,
                status=status,
                alias=self._alias,
            )
        )
