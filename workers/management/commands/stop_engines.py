"""`manage.py stop_engines`: ends every engine of this data folder, as `make run` does last."""

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from workers.runtimes.demo.runtime import demo_folder
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
        until, left = time.monotonic() + options["seconds"], []
        for folder in _folders():
            with ProcessRuntime(
                workloads=folder, models=settings.PATHS.models, instance=settings.INSTANCE_ID
            ) as runtime:
                left += runtime.stop_all(seconds=max(0.5, until - time.monotonic()))
        if left:
            raise CommandError(f"still running: {', '.join(left)}")


def _folders() -> list[Path]:
    """Return where workloads of this machine lie: its own, and those of the demo's hosts."""
    played = demo_folder(settings.PATHS.workloads)
    return [settings.PATHS.workloads, *(played.iterdir() if played.is_dir() else ())]
