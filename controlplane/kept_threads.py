"""Threads that outlive their request, so that its database connection does as well.

Django starts a thread for every request over ASGI and ends it with its last byte. The connection
that the thread opened goes with it, and the next page opens another, reads the schema again and
starts with an empty cache: a third of the time of a small page. Here the threads are kept and lent,
one request at a time; how long a connection lives in them is Django's own CONN_MAX_AGE.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from django.db import connections

from controlplane.bodies import Application, Receive, Send

KEPT = 8  # threads that wait; a rush makes more, and they end with it
CONNECTION_KEPT_S = 60


def keep_connections() -> None:
    """Let this process use a connection for more than one request; called before the first."""
    connections.settings["default"]["CONN_MAX_AGE"] = CONNECTION_KEPT_S


class KeptThreads:
    """Runs the synchronous code of each request on a thread that no other request has meanwhile."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._idle: list[ThreadPoolExecutor] = []

    async def __call__(
        self,
        scope: Any,
        receive: Receive,
        send: Send,
    ) -> None:
        """Answer on a thread that waited, or on a new one when all are lent."""
        thread = self._idle.pop() if self._idle else ThreadPoolExecutor(1, "request")
        is_free = False
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self._application(scope, receive, send)
            is_free = True
        finally:  # one that was cut off may still be at work: it is not lent again
            if is_free and len(self._idle) < KEPT:
                self._idle.append(thread)
            else:
                thread.shutdown(wait=False)
