"""Every websocket address of the front door."""

from typing import Any

from django.urls import path

from controlplane.live.chat import ChatSocket
from controlplane.live.logs import LogSocket
from controlplane.live.page import PageSocket

websocket_routes: list[Any] = [  # their views are ASGI applications, which Django cannot know
    path("ws/live/", PageSocket.as_asgi(), name="live"),  # type: ignore[arg-type]
    path("ws/chat/", ChatSocket.as_asgi(), name="chat"),  # type: ignore[arg-type]
    path("ws/logs/<uuid:replica>/", LogSocket.as_asgi(), name="logs"),  # type: ignore[arg-type]
]
