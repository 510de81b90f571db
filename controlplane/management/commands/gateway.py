"""`manage.py gateway`: serve `/v1` alone, beside or instead of the web process's own."""

from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from controlplane.launch.web import server_config

DRAIN_S = 30  # a gateway of its own may let its streams end


class Command(BaseCommand):
    """Serve until TERM; streams in flight may end first."""

    help = "Serve the OpenAI-compatible gateway alone, until Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default=settings.ENV.host)
        parser.add_argument("--port", type=int, default=settings.ENV.port + 1)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Serve."""
        config = server_config("controlplane.gateway.v1.alone:application", drain_s=DRAIN_S)
        config.host, config.port = options["host"], options["port"]
        uvicorn.Server(config).run()
