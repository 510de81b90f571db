"""The Ollama face: `/api/chat` and its kin over the same keys, limits, slots and engines."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from controlplane.gateway.completions import ChatStream, Piece, ToolCallPiece, thinking_of
from controlplane.gateway.errors import EngineMalformedError
from controlplane.gateway.meter import Meter
from controlplane.gateway.router import Routed
from controlplane.gateway.v1 import ollama_shapes as shapes
from controlplane.gateway.v1.call import Call, Headers
from controlplane.gateway.v1.desk import Desk
from controlplane.gateway.v1.errors import (
    MethodNotAllowedError,
    ModelNotFoundError,
    RouteNotAllowedError,
)
from controlplane.gateway.v1.serving import Serving
from controlplane.gateway.v1.spoken import Dialect, Spoken
from models_app.domain.errors import InvalidError
from models_app.domain.gateway import GatewayKeyFacts, KeyRoute
from models_app.domain.routes import DeploymentRoute

CHAT = Spoken("/v1/chat/completions", KeyRoute.CHAT, Dialect.OLLAMA, usage_on_wish=True)
GENERATE = Spoken("/v1/chat/completions", KeyRoute.COMPLETIONS, Dialect.OLLAMA, usage_on_wish=True)
EMBED = Spoken("/v1/embeddings", KeyRoute.EMBEDDINGS, Dialect.OLLAMA)
ASKED = {"/api/chat": CHAT, "/api/generate": GENERATE, "/api/embed": EMBED}
SHOWN = {"/api/tags": "GET", "/api/ps": "GET", "/api/version": "GET", "/api/show": "POST"}
PATHS = frozenset((*ASKED, *SHOWN))
_JSON: Headers = [(b"content-type", b"application/json; charset=utf-8")]
_LINES: Headers = [(b"content-type", b"application/x-ndjson"), (b"cache-control", b"no-cache")]
_BODIES = {
    "/api/chat": shapes.chat_body,
    "/api/generate": shapes.generate_body,
    "/api/embed": shapes.embed_body,
}


async def answer_ollama(shared: Desk, call: Call, key: GatewayKeyFacts) -> None:
    """Answer a request in Ollama's words. Raises SlipwayError."""
    if not key.ollama_face:
        raise RouteNotAllowedError(params={"route": "ollama"})
    allowed = SHOWN.get(call.path, "POST")
    if call.method not in (allowed, "HEAD" if allowed == "GET" else allowed):
        raise MethodNotAllowedError(params={"method": call.method, "allowed": allowed})
    if call.path in ASKED:
        await _ask(shared, call, key)
        return
    content = await _shown(shared, call, key)
    await call.answer(200, json.dumps(content).encode(), _JSON)


async def _ask(shared: Desk, call: Call, key: GatewayKeyFacts) -> None:
    shared.enter()
    try:
        asked = _object(await shared.read_body(call))
        if asked.get("raw"):
            raise InvalidError(
                "BODY_FIELD_INVALID",
                params={"field": "raw", "detail": "prompts get the model's own template here"},
                fields={"raw": "VALUE_INVALID"},
            )
        body = _BODIES[call.path](asked)
        translation = Translation(call.path.rpartition("/")[2], body["model"])
        serving = Serving(shared, call, key, ASKED[call.path], translation.relay)
        await serving.run(json.dumps(body).encode())
    finally:
        shared.forget_body(call)
        shared.leave()


@dataclass(frozen=True, slots=True)
class Translation:
    """Turns an engine's answer into Ollama's. `kind`: chat, generate or embed."""

    kind: str
    model: str

    async def relay(
        self,
        call: Call,
        routed: Routed,
        _spoken: Spoken,
        meter: Meter,
        *,
        hides_usage: bool,
        headers: Headers,
    ) -> None:
        """Send the answer to its end. Raises RoutingError."""
        if routed.answer.headers.get("content-type", "").startswith("text/event-stream"):
            await self._stream(call, routed, meter, headers)
        else:
            await self._whole(call, routed, meter, headers)

    async def _stream(self, call: Call, routed: Routed, meter: Meter, headers: Headers) -> None:
        began = time.monotonic()
        stream = ChatStream(routed.answer, meter)
        calls: dict[int, dict[str, Any]] = {}
        async for piece in stream.pieces():
            if not call.started:
                call.is_stream = True
                await call.begin(200, [*headers, *_LINES])
            if isinstance(piece, ToolCallPiece):
                _collect(calls, piece)
            else:
                await call.write(self._line(piece))
        if not call.started:
            call.is_stream = True
            await call.begin(200, [*headers, *_LINES])
        line = self._empty([{"function": function} for _, function in sorted(calls.items())])
        last = shapes.last_line(
            line,
            reason=stream.finish_reason,
            usage=_usage_of(meter),
            total_s=time.monotonic() - began,
        )
        await call.write(json.dumps(last).encode() + b"\n", more=False)

    async def _whole(self, call: Call, routed: Routed, meter: Meter, headers: Headers) -> None:
        began = time.monotonic()
        pieces = [chunk async for chunk in routed.answer.chunks()]
        where = {"workload": routed.replica.workload, "host": routed.replica.host}
        try:
            said = _object(b"".join(pieces))
            meter.usage(said.get("usage") or {})
            content = self._content(said, time.monotonic() - began)
        except (InvalidError, KeyError, IndexError, TypeError, AttributeError):
            raise EngineMalformedError(params=where) from None
        await call.answer(200, json.dumps(content).encode(), [*headers, *_JSON])

    def _content(self, said: Mapping[str, Any], total_s: float) -> dict[str, Any]:
        if self.kind == "embed":
            return shapes.embed_answer(self.model, said)
        choice = said["choices"][0]
        message = choice["message"]
        line = shapes.answer_line(
            self.model,
            self.kind,
            text=message.get("content") or "",
            thinking=thinking_of(message),
            calls=message.get("tool_calls"),
        )
        reason = choice.get("finish_reason") or ""
        return shapes.last_line(line, reason=reason, usage=said.get("usage") or {}, total_s=total_s)

    def _line(self, piece: Piece) -> bytes:
        is_text = piece.kind == "text"
        line = shapes.answer_line(
            self.model,
            self.kind,
            text=piece.text if is_text else "",
            thinking="" if is_text else piece.text,
        )
        return json.dumps(line).encode() + b"\n"

    def _empty(self, calls: list[dict[str, Any]]) -> dict[str, Any]:
        return shapes.answer_line(self.model, self.kind, text="", calls=calls)


def _collect(calls: dict[int, dict[str, Any]], piece: ToolCallPiece) -> None:
    function = calls.setdefault(piece.index, {"name": "", "arguments": ""})
    function["name"] += piece.name
    function["arguments"] += piece.arguments


def _usage_of(meter: Meter) -> dict[str, Any]:
    figures = meter.figures()
    return {
        "prompt_tokens": figures.prompt_tokens,
        "completion_tokens": figures.completion_tokens,
    }


async def _shown(shared: Desk, call: Call, key: GatewayKeyFacts) -> dict[str, Any]:
    if call.path == "/api/version":
        return {"version": shapes.VERSION}
    if call.path == "/api/show":
        return await _show(shared, call, key)
    routes = [(name, shared.router.table.by_name(name)) for name in sorted(shared.names.names(key))]
    tags = [shapes.tag(name, *_told(route)) for name, route in routes]
    if call.path == "/api/ps":
        ready = {name for name, route in routes if route is not None and route.replicas}
        return {"models": [tag for tag in tags if tag["name"] in ready]}
    return {"models": tags}


async def _show(shared: Desk, call: Call, key: GatewayKeyFacts) -> dict[str, Any]:
    try:
        asked = _object(await shared.read_body(call))
    finally:
        shared.forget_body(call)
    name = shapes.embed_body(asked)["model"]
    if name not in shared.names.names(key):
        raise ModelNotFoundError(params={"model": name[:100]})
    title, engine = _told(shared.router.table.by_name(name))
    return {
        "modelfile": "",
        "parameters": "",
        "template": "",
        "details": shapes.details(title, engine),
        "model_info": {},
        "capabilities": ["completion"],
    }


def _told(route: DeploymentRoute | None) -> tuple[str, str]:
    return (route.model, route.engine) if route is not None else ("alias", "")


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidError("BODY_NOT_JSON", params={"detail": str(error)[:200]}) from None
    if not isinstance(found, dict):
        raise InvalidError("BODY_NOT_JSON", params={"detail": "an object is expected"})
    return found
