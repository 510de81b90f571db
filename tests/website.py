"""The whole front door on a real port: http, websockets and all, over the test's own database.

Django's live server speaks no websockets. This is uvicorn in a thread, with what
`controlplane/launch/web.py` gives it: pages, their sockets and the routing core are the real ones.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from django.conf import settings
from django.test import Client

from models_app.models import User

STARTS_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Website:
    """A running front door."""

    url: str

    def session_of(self, user: User) -> list[Any]:
        """Return the cookie with which a browser is signed in as the user."""
        client = Client()
        client.force_login(user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        return [{"name": cookie.key, "value": cookie.value, "url": self.url}]


@contextmanager
def website() -> Iterator[Website]:
    """Run one. Needs a database that threads share: `django_db(transaction=True)`."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        settings.CSRF_TRUSTED_ORIGINS.append(url)  # also what the sockets' origin is held to
        config = uvicorn.Config(
            "controlplane.asgi:application",
            ws="websockets-sansio",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [held]}, daemon=True)
        thread.start()
        try:
            _wait_for(server, thread)
            yield Website(url)
        finally:
            server.should_exit = True
            thread.join(STARTS_WITHIN_S)
            settings.CSRF_TRUSTED_ORIGINS.remove(url)


def _wait_for(server: uvicorn.Server, thread: threading.Thread) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while not server.started:
        assert thread.is_alive(), "the front door did not start"
        assert time.monotonic() < until, "the front door takes too long to start"
        time.sleep(0.02)
