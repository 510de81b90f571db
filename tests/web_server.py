"""The real front door on a real port, in a thread: for what only a connection can show."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from controlplane.asgi import application
from controlplane.launch.front import Front

STOP_S = 10.0


@contextmanager
def web_server() -> Iterator[str]:
    """Serve `controlplane.asgi` as `make run` does; gives its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        application,
        http=Front,
        ws="websockets-sansio",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(STOP_S)
        listening.close()
        assert not thread.is_alive()
