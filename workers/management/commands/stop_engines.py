"""`manage.py stop_engines`: ends every engine of this data folder, as `make run` does last."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from workers.runtimes.process.runtime import ProcessRuntime

SECONDS = 4.5  # of which the last two by force; with Django's own start well below six


class Command(BaseCommand):
    """Asks the engines to end, kills those that do not; bounded in time."""

    help = "End every engine that this installation runs on this machine."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the time limit."""
        parser.add_argument("--seconds", type=float, default=SECONDS)

    def handle(self, *args: Any, **options: Any) -> None:
        """End them."""
        runtime = ProcessRuntime(
            workloads=settings.PATHS.workloads,
            models=settings.PATHS.models,
            instance=settings.INSTANCE_ID,
        )
        with runtime as opened:
            left = opened.stop_all(seconds=options["seconds"])
        if left:
            raise CommandError(f"still running: {', '.join(left)}")
