"""`manage.py sign_in_link [name]`: print a new one-time sign-in link.

For whoever stands at the machine: the first admin, or an admin who lost the password.
"""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.sign_in_address import sign_in_address
from models_app.domain.states import Role
from models_app.models import User
from models_app.services.people import admin_ensure
from models_app.services.sign_in import LINK_MINUTES, LONGEST_LINK_MINUTES, link_create


class Command(BaseCommand):
    """Prints the address and nothing else, so that a script can use it."""

    help = "Print a new one-time sign-in link. Without a name: for the first admin."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a name and a life span."""
        parser.add_argument("name", nargs="?", help="whose link; default: the first admin")
        parser.add_argument("--minutes", type=int, default=LINK_MINUTES)

    def handle(self, **options: Any) -> None:
        """Make the link; earlier ones of this user stop working."""
        minutes = options["minutes"]
        if not 0 < minutes <= LONGEST_LINK_MINUTES:
            raise CommandError(f"--minutes must be between 1 and {LONGEST_LINK_MINUTES}")
        user = _user(options["name"])
        secret = link_create(user, minutes=minutes)
        self.stdout.write(settings.PUBLIC_URL + sign_in_address(secret))


def _user(name: str | None) -> User:
    """Return the active user of that name, or the oldest admin; makes the first one of all."""
    admin_ensure()
    rows = User.objects.filter(is_active=True).order_by("pk")
    rows = rows.filter(name=name) if name else rows.filter(role=Role.ADMIN)
    user = rows.first()
    if user is None:
        raise CommandError(
            f"there is no active user {name}" if name else "there is no active admin"
        )
    return user
