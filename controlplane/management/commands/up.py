"""`manage.py up`: run all of Slipway on this machine until Ctrl-C."""

import signal
import socket
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import OperationalError, connections

from controlplane.launch.console import Console
from controlplane.launch.database import bring_up_to_date
from controlplane.launch.engines_end import EnginesEnd
from controlplane.launch.instance import clear_leftovers, hold
from controlplane.launch.leaving import leave_at_once
from controlplane.launch.parts import parts
from controlplane.launch.preflight import RefusedError, check_start
from controlplane.launch.supervision import supervise
from controlplane.sign_in_address import sign_in_address
from models_app.domain.names import slugify_name
from models_app.domain.states import Role
from models_app.models import User
from models_app.notify import relay
from models_app.services.bootstrap import first_start, look_at_all
from models_app.services.sign_in import LINK_MINUTES, link_create


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
            why = " ".join(str(error).split())  # libpq tells in several lines
            raise SystemExit(f"The database cannot be used: {why.rstrip('.')}.") from None
        except KeyboardInterrupt:
            raise SystemExit("Stopped before it was up.") from None

    def _run(self) -> None:
        env, paths = settings.ENV, settings.PATHS
        console = Console(greeting)
        clear_leftovers(paths)
        check_start(env)
        relay.silence()  # the broker comes later, and finds what the outbox kept
        bring_up_to_date(paths.database, console.say)
        first_start(host_name=this_machine(), with_model=env.first_model)
        look_at_all()
        engines = EnginesEnd(lambda seconds: call_command("stop_engines", seconds=seconds))
        try:
            supervise(parts(env, paths), env, paths, console, engines)
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not cut this short
            connections.close_all()  # opened long ago
            engines.finish()
        console.say("Slipway has stopped.")
        leave_at_once()


def greeting() -> str:
    """Return the line that says where Slipway is: with a sign-in link until somebody is set up."""
    admin = User.objects.filter(role=Role.ADMIN, is_active=True).order_by("pk").first()
    if admin is None or User.objects.filter(role=Role.ADMIN, is_set_up=True).exists():
        return f"Slipway is at {settings.PUBLIC_URL}"
    address = settings.PUBLIC_URL + sign_in_address(link_create(admin))
    return f"Slipway is at {address} (this link works once, for {LINK_MINUTES} minutes)"


def this_machine() -> str:
    """Return this machine's name as a name of Slipway's."""
    name = socket.gethostname().split(".")[0]
    return slugify_name(name) if any(c.isalnum() for c in name) else "this-machine"
