"""The web part: uvicorn on the listening socket that the supervisor holds and hands over as fd 0.

The socket outlives this process: while it is started again, browsers wait instead of being refused.
"""

import socket

import django
import uvicorn

from controlplane.launch.server import SettledServer

WS_LARGEST_MESSAGE_BYTES = 64 * 1024
WS_PING_S = 20.0
DRAIN_S = 1  # for requests in flight at a stop; streams are cut


def main() -> None:
    """Serve until TERM."""
    django.setup()
    from controlplane.kept_threads import keep_connections
    from controlplane.launch.pulse import Pulse
    from controlplane.settings.base import ENV, PATHS

    keep_connections()
    pulse = Pulse(ENV, PATHS)

    class Server(SettledServer):
        """Gives its sign of life from the loop that serves: a loop that is stuck gives none."""

        async def on_tick(self, counter: int) -> bool:
            pulse.beat()
            return await super().on_tick(counter)

    config = server_config("controlplane.asgi:application", drain_s=DRAIN_S)
    Server(config).run(sockets=[socket.socket(fileno=0)])


def server_config(application: str, *, drain_s: int) -> uvicorn.Config:
    """Return how an application of ours is served; Django has to be set up."""
    from controlplane.launch.front import Front
    from controlplane.settings.base import ENV

    return uvicorn.Config(
        application,
        loop="uvloop",
        http=Front,
        ws="websockets-sansio",
        ws_max_size=WS_LARGEST_MESSAGE_BYTES,
        ws_ping_interval=WS_PING_S,
        ws_ping_timeout=WS_PING_S,
        ws_per_message_deflate=False,  # a small frame must not unpack into a large one
        log_config=None,
        access_log=False,  # addresses may carry one-time links
        server_header=False,
        proxy_headers=bool(ENV.public_url),
        timeout_graceful_shutdown=drain_s,
    )


if __name__ == "__main__":
    main()
