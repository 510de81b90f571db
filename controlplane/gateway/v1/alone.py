"""The gateway as a process of its own: nothing else answers here, and `/healthz` says it lives.

Start it with `manage.py gateway`, as often as wanted: what the processes share is in the database
and in Valkey.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings.base")  # noqa: TID251
django.setup()

from controlplane.gateway.core import stop_routing_core  # noqa: E402
from controlplane.gateway.v1.application import before  # noqa: E402
from controlplane.gateway.v1.asgi_call import AsgiCall, Receive, Scope, Send  # noqa: E402
from controlplane.gateway.v1.desk import desk, stop_desk  # noqa: E402
from controlplane.gateway.v1.error_shapes import error_answer  # noqa: E402
from controlplane.gateway.v1.errors import UrlUnknownError  # noqa: E402
from controlplane.gateway.v1.spoken import dialect_of  # noqa: E402


async def _others(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "http":
        await _answer(AsgiCall(scope, receive, send))
    else:
        await send({"type": "websocket.close", "code": 1000})


async def _answer(call: AsgiCall) -> None:
    if call.path == "/healthz":
        await call.answer(200, b'{"status":"ok"}', [(b"content-type", b"application/json")])
        return
    error = UrlUnknownError(params={"method": call.method, "path": call.path[:100]})
    told = error_answer(error, dialect_of(call.path))
    await call.answer(told.status, told.body, told.headers)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            desk()
            await send({"type": "lifespan.startup.complete"})
        if message["type"] == "lifespan.shutdown":
            await stop_desk()
            await stop_routing_core()
            await send({"type": "lifespan.shutdown.complete"})
            return


application = before(_others)
