"""Every websocket address of the front door."""

from typing import Any

websocket_routes: list[Any] = []  # django.urls.path() entries whose views are consumers
