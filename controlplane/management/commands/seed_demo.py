"""`manage.py seed_demo`: a believable fleet to look at, or a large one to measure; rows alone."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.wording.errors import error_text
from models_app.domain.actors import SYSTEM
from models_app.domain.errors import SlipwayError
from models_app.services.demo.seeding import demo_clear, demo_seed, demo_seed_large


class Command(BaseCommand):
    """Writes hosts, models, deployments with history and measurements. Nothing of it runs yet."""

    help = "Fill the database with a fleet to look at, or with --hosts and --replicas to measure."

    def add_arguments(self, parser: CommandParser) -> None:
        """Two sizes, and the way back."""
        parser.add_argument("--hosts", type=int, default=0, help="hosts of a large, plain fleet")
        parser.add_argument("--replicas", type=int, default=0, help="replicas of a large fleet")
        parser.add_argument("--clear", action="store_true", help="take the demo away again")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say how much there is."""
        hosts, replicas = options["hosts"], options["replicas"]
        if bool(hosts) != bool(replicas) or min(hosts, replicas) < 0:
            raise CommandError("A large fleet needs both --hosts and --replicas.")
        try:
            if options["clear"]:
                demo_clear(SYSTEM)
                self.stdout.write("The demo is gone.")
                return
            made = (
                demo_seed_large(SYSTEM, hosts=hosts, replicas=replicas)
                if hosts
                else demo_seed(SYSTEM)
            )
        except SlipwayError as error:
            raise CommandError(error_text(error).sentence) from error
        self.stdout.write(", ".join(f"{number} {kind}" for kind, number in made.items()))
