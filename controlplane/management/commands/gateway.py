"""`manage.py gateway`: serve `/v1` alone, beside or instead of the web process's own."""

import socket
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from controlplane.launch.processes import Processes
from controlplane.launch.server import SettledServer
from controlplane.launch.web import server_config

BACKLOG = 2048
DRAIN_S = 30  # a gateway of its own may let its streams end


class Command(BaseCommand):
    """Serve until TERM; streams in flight may end first."""

    help = "Serve the OpenAI-compatible gateway alone, until Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen, and with how many processes."""
        parser.add_argument("--host", default=settings.ENV.host)
        parser.add_argument("--port", type=int, default=settings.ENV.port + 1)
        parser.add_argument("--processes", type=int, default=1, help="One for each core to use.")
        parser.add_argument(
            "--share-port",
            action="store_true",
            help="Let other gateways listen on the same port; the kernel spreads new connections.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Serve."""
        host, port, count = options["host"], options["port"], options["processes"]
        if count < 1:
            raise CommandError("--processes takes 1 or more.")
        with _listening(host, port, is_shared=options["share_port"]) as listening:
            if count == 1:
                _serve(listening)
                return
            connections.close_all()  # none may be shared by two processes
            Processes(count, _serve).run(listening)


def _serve(listening: socket.socket) -> None:
    config = server_config("controlplane.gateway.v1.alone:application", drain_s=DRAIN_S)
    SettledServer(config).run(sockets=[listening])


def _listening(host: str, port: int, *, is_shared: bool) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=BACKLOG, reuse_port=is_shared)
    except OSError as error:
        raise SystemExit(f"Cannot listen on {host} port {port}: {error.strerror}.") from None
