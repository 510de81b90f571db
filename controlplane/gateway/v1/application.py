"""What the gateway takes, and what it leaves to the rest of Slipway; also as an ASGI application.

Cookies are not looked at: a dashboard's session opens nothing here, and a key nothing there.
"""

import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from controlplane.gateway.v1 import ollama
from controlplane.gateway.v1.asgi_call import AsgiCall, Receive, Scope, Send
from controlplane.gateway.v1.body import ClientLeftError
from controlplane.gateway.v1.call import Call
from controlplane.gateway.v1.desk import Desk, desk
from controlplane.gateway.v1.error_shapes import error_answer
from controlplane.gateway.v1.errors import (
    KeyMissingError,
    MethodNotAllowedError,
    ModelNotFoundError,
    UrlUnknownError,
)
from controlplane.gateway.v1.key_book import bearer
from controlplane.gateway.v1.serving import Serving
from controlplane.gateway.v1.spoken import MODELS, POSTS, PREFIX, dialect_of
from models_app.domain.errors import SlipwayError, TooLargeError
from models_app.domain.gateway import GatewayKeyFacts

log = logging.getLogger(__name__)

Application = Callable[[Any, Any, Any], Awaitable[None]]
_JSON = [(b"content-type", b"application/json")]
SWALLOWED = 64 << 20  # of a body that is too large: reading it on lets the client see the answer
_STARTED = int(time.time())


def is_ours(path: str) -> bool:
    """Return whether the gateway answers for a path."""
    return path.startswith(PREFIX) or path == "/v1" or path in ollama.PATHS


def before(other: Application) -> Application:
    """Return an application that answers for the gateway and hands everything else to `other`."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_ours(scope["path"]):
            await answer_call(AsgiCall(scope, receive, send))
        else:
            await other(scope, receive, send)

    return application


async def answer_call(call: Call) -> None:
    """Answer one request, whichever way it came."""
    try:
        await _answer(desk(), call)
    except ClientLeftError:
        pass
    except SlipwayError as error:
        await _refuse(call, error)
    except Exception:
        log.exception("a request of the gateway failed")
        await _refuse(call, SlipwayError())


async def _answer(shared: Desk, call: Call) -> None:
    text = bearer(call.headers)
    if not text:
        raise KeyMissingError
    key = await shared.keys.check(text)
    if call.path in ollama.PATHS:
        await ollama.answer_ollama(shared, call, key)
        return
    spoken = POSTS.get(call.path)
    if spoken is None:
        await _models(shared, call, key)
        return
    if call.method != "POST":
        raise MethodNotAllowedError(params={"method": call.method, "allowed": "POST"})
    shared.enter()
    try:
        body = await shared.read_body(call)
        await Serving(shared, call, key, spoken).run(body)
    finally:
        shared.forget_body(call)
        shared.leave()


async def _models(shared: Desk, call: Call, key: GatewayKeyFacts) -> None:
    """List the models that the key opens, or show one of them."""
    is_list = call.path == MODELS
    name = call.path.removeprefix(MODELS + "/")
    if not is_list and (name == call.path or not name or "/" in name):
        raise UrlUnknownError(params={"method": call.method, "path": call.path[:100]})
    if call.method not in ("GET", "HEAD"):
        raise MethodNotAllowedError(params={"method": call.method, "allowed": "GET"})
    names = shared.names.names(key)
    if is_list:
        models = [_model(one, owner) for one, owner in sorted(names.items())]
        content: object = {"object": "list", "data": models}
    elif name in names:
        content = _model(name, names[name])
    else:
        raise ModelNotFoundError(params={"model": name[:100]})
    await call.answer(200, json.dumps(content).encode(), _JSON)


def _model(name: str, owner: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": _STARTED, "owned_by": owner or "slipway"}


async def _refuse(call: Call, error: SlipwayError) -> None:
    if call.started:
        call.cut()
        return
    told = error_answer(error, dialect_of(call.path))
    headers = told.headers
    if isinstance(error, TooLargeError) and call.announced > SWALLOWED:
        headers.append((b"connection", b"close"))  # else the server would read on to the end
    await call.answer(told.status, told.body, headers)
