"""One answer of the playground: asked, streamed piece by piece, rendered on the way, measured.

Text goes out as it comes; rendered HTML follows at most four times a second, and less often when
rendering is slow, so that a long answer costs a bounded share of the machine. `upto` says how much
of the text (in UTF-16 units, as the browser counts) a rendering holds.
"""

import asyncio
import math
import time
from collections.abc import Awaitable
from dataclasses import asdict
from typing import Any, Protocol

from django.utils import timezone, translation
from msgspec import structs

from controlplane.gateway.completions import ChatStream, Piece, ToolCallPiece
from controlplane.gateway.core import RoutingCore
from controlplane.gateway.meter import Meter
from controlplane.gateway.router import Ask, Routed
from controlplane.live.chat_request import PATH, ChatRequest, as_curl, as_json
from controlplane.wording.markdown import markdown_html
from controlplane.wording.routing import routing_error_text
from models_app.domain.errors import SlipwayError
from models_app.domain.routes import DeploymentRoute
from models_app.services.usage import UsageRecord

RENDER_S = 0.25
PLACE_S = 0.5
RENDER_SHARE = 8  # rendering waits so many times as long as it took
ROUTE = "playground"


class SendFrame(Protocol):
    """How frames of an answer leave."""

    def __call__(self, type_: str, /, **content: Any) -> Awaitable[None]:
        """Send one frame."""
        ...


class Answering:
    """Runs one answer in a task; cancelling the task stops the engine's work."""

    def __init__(
        self,
        core: RoutingCore,
        request: ChatRequest,
        *,
        user_id: int | None,
        language: str,
        root: str,
        send: SendFrame,
    ) -> None:
        self.stopped = False  # by the person, not by their going away
        self._core = core
        self._request = request
        self._user_id = user_id
        self._language = language
        self._root = root  # where the person's browser reaches this Slipway
        self._send = send
        self._meter = Meter()
        self._route: DeploymentRoute | None = None
        self._replica_id: int | None = None
        self._text = ""
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Answer; every way it can end is told, except to who has left."""
        rendering = asyncio.create_task(self._render_regularly())
        try:
            finish = await self._answer()
        except asyncio.CancelledError:
            await self._settle(rendering, "cancelled")
            if not self.stopped:
                raise
            await self._finish("done", finish="stopped")
        except SlipwayError as error:
            await self._settle(rendering, error.code)
            await self._finish("failed", **self._failure(error))
        except Exception:
            await self._settle(rendering, "INTERNAL")
            await self._finish("failed", **self._failure(SlipwayError()))
            raise
        else:
            await self._settle(rendering, "ok")
            await self._finish("done", finish=finish)

    async def _answer(self) -> str:
        self._route = await self._core.table.find(self._request.deployment)
        body = self._request.body(self._route.name)
        ask = Ask(self._route.id, PATH, as_json(body).encode(), caller=f"{ROUTE}:{self._user_id}")
        telling = asyncio.create_task(self._tell_place(ask))
        try:
            return await self._asked(ask, body, telling)
        finally:
            telling.cancel()

    async def _asked(self, ask: Ask, body: dict[str, Any], telling: asyncio.Task[None]) -> str:
        async with self._core.router.ask(ask) as routed:
            telling.cancel()
            self._replica_id = routed.replica.row_id
            await self._tell_started(routed, body)
            stream = ChatStream(routed.answer, self._meter)
            async for piece in stream.pieces():
                await self._tell(piece)
        return stream.finish_reason

    async def _tell_place(self, ask: Ask) -> None:
        """Tell the place in line and the time to expect, as long as there is a line."""
        told: tuple[int, int] | None = None
        while True:
            await asyncio.sleep(PLACE_S)
            found = self._core.router.places.place(ask.deployment, ask.caller)
            place = (found[0], math.ceil(found[1])) if found else None
            if place and place != told:
                await self._send("line", id=self._request.id, position=place[0], wait_s=place[1])
            told = place

    async def _tell_started(self, routed: Routed, body: dict[str, Any]) -> None:
        await self._send(
            "started",
            id=self._request.id,
            deployment=routed.route.name,
            model=routed.route.model,
            replica=routed.replica.index,
            workload=routed.replica.workload,
            host=routed.replica.host,
            json=as_json(body),
            curl=as_curl(self._root, body),
        )

    async def _tell(self, piece: Piece | ToolCallPiece) -> None:
        if isinstance(piece, ToolCallPiece):
            await self._send("call", id=self._request.id, **asdict(piece))
            return
        await self._send(piece.kind, id=self._request.id, text=piece.text)
        if piece.kind == "text":
            self._text += piece.text
            self._changed.set()

    async def _render_regularly(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            began = time.monotonic()
            await self._render()
            await asyncio.sleep(max(RENDER_S, RENDER_SHARE * (time.monotonic() - began)))

    async def _render(self) -> None:
        text = self._text
        html = await asyncio.to_thread(markdown_html, text)
        upto = len(text.encode("utf-16-le", "surrogatepass")) // 2
        await self._send("rendered", id=self._request.id, html=html, upto=upto)

    async def _settle(self, rendering: asyncio.Task[None], status: str) -> None:
        rendering.cancel()
        await asyncio.gather(rendering, return_exceptions=True)
        figures = self._meter.figures()
        if self._route is not None:
            self._core.usage.note(
                UsageRecord(
                    at=timezone.now(),
                    deployment_id=self._route.row_id,
                    replica_id=self._replica_id,
                    user_id=self._user_id,
                    route=ROUTE,
                    status=status,
                    prompt_tokens=figures.prompt_tokens,
                    completion_tokens=figures.completion_tokens,
                    first_token_ms=figures.first_token_ms,
                    duration_ms=figures.duration_ms,
                    cached_tokens=figures.cached_tokens,
                    tokens_per_s=figures.tokens_per_s,
                )
            )

    async def _finish(self, type_: str, **content: Any) -> None:
        figures = structs.asdict(self._meter.figures())
        if self._text:
            await self._render()
        await self._send(type_, id=self._request.id, figures=figures, **content)

    def _failure(self, error: SlipwayError) -> dict[str, str]:
        with translation.override(self._language):
            said = routing_error_text(error)
        return {"code": said.code, "text": said.sentence, "remedy": said.remedy}
