"""Where the web server hands over: `/v1` to the gateway, all other http to Django, websockets
to the routes of `routing.py`.

Websockets are no subject to CORS or CSRF tokens, so their origin is compared whole, port included.
"""

import gc
import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings.base")  # noqa: TID251
django_application = get_asgi_application()  # before anything below touches a model

from asgiref.sync import sync_to_async  # noqa: E402
from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import OriginValidator  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import get_resolver  # noqa: E402

from controlplane.bodies import BodyGuard  # noqa: E402
from controlplane.gateway.core import stop_routing_core  # noqa: E402
from controlplane.gateway.v1.application import before  # noqa: E402
from controlplane.gateway.v1.desk import desk, stop_desk  # noqa: E402
from controlplane.kept_threads import KeptThreads  # noqa: E402
from controlplane.routing import websocket_routes  # noqa: E402

Message = dict[str, Any]


async def lifespan(
    _scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Load every page's code before the first request, not in it; keep the gateway."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await sync_to_async(lambda: get_resolver().url_patterns)()
            desk()
            gc.freeze()  # what every request needs is no garbage: it need not be looked through
            await send({"type": "lifespan.startup.complete"})
        if message["type"] == "lifespan.shutdown":
            await stop_desk()
            await stop_routing_core()
            await send({"type": "lifespan.shutdown.complete"})
            return


application = ProtocolTypeRouter(
    {
        "http": before(BodyGuard(KeptThreads(django_application))),
        "websocket": OriginValidator(
            AuthMiddlewareStack(URLRouter(websocket_routes)), settings.CSRF_TRUSTED_ORIGINS
        ),
        "lifespan": lifespan,
    }
)
