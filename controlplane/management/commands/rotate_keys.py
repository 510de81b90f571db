"""`manage.py rotate_keys`: encrypt every secret of the ledger under a new key, while all goes on.

The old keys stay in the ring, so that a process which had read it before loses nothing. A later
`manage.py rotate_keys --retire` drops those under which nothing lies any more.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_app.services.key_rotation import key_add, keys_retire, secrets_seal_anew


class Command(BaseCommand):
    """Never prints a key or a secret, only the public ids of keys."""

    help = "Encrypt all secrets under a new key; with --retire, drop keys that nothing needs."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to do besides."""
        parser.add_argument("--retire", action="store_true", help="add no key; drop unused ones")
        parser.add_argument(
            "--keep-ring",
            action="store_true",
            help="add no key: the first one of the ring was put there by you",
        )

    def handle(self, **options: Any) -> None:
        """Rotate; say what could not be read."""
        if not options["retire"] and not options["keep_ring"]:
            key_add()
        done = secrets_seal_anew()
        self.stdout.write(f"key {done.key_id}: {done.sealed_anew} secrets encrypted anew")
        if options["retire"]:
            self.stdout.write(f"{keys_retire()} keys dropped")
        if done.unreadable:
            raise CommandError("cannot be decrypted: " + ", ".join(done.unreadable))
