"""`manage.py up`: run all of Slipway on this machine until Ctrl-C."""

import signal
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand
from django.db import OperationalError, connections

from controlplane.launch.console import Console
from controlplane.launch.database import bring_up_to_date
from controlplane.launch.instance import clear_leftovers, hold
from controlplane.launch.parts import parts
from controlplane.launch.preflight import RefusedError, check_start
from controlplane.launch.supervision import supervise


class Command(BaseCommand):
    """Check, prepare, supervise; stop the engines at the end."""

    help = "Run web, workers, beat and broker on this machine until Ctrl-C."
    requires_system_checks = ()  # `make check` runs them; here each one would delay the start

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Run until a signal says stop. Every refusal is one line and a non-zero exit."""
        try:
            with hold(settings.PATHS):
                self._run()
        except RefusedError as refusal:
            raise SystemExit(str(refusal)) from None
        except OperationalError as error:
            raise SystemExit(f"The database cannot be used: {error}.") from None
        except KeyboardInterrupt:
            raise SystemExit("Stopped before it was up.") from None

    def _run(self) -> None:
        console = Console(self._greeting)
        clear_leftovers(settings.PATHS)
        check_start(settings.ENV)
        bring_up_to_date(settings.PATHS.database, console.say)
        connections.close_all()
        try:
            supervise(parts(settings.ENV, settings.PATHS), settings.ENV, settings.PATHS, console)
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not cut this short
            if "stop_engines" in get_commands():
                call_command("stop_engines")
        console.say("Slipway has stopped.")

    def _greeting(self) -> str:
        return f"Slipway is at {settings.PUBLIC_URL}"
