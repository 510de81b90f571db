"""One namespace for what a request can name as its model: deployments and aliases.

Each table holds its own names unique; here it is seen to that no name is in both. Two who claim the
same name at once must not both win, so that claims queue: SQLite has one writer anyway (its
transactions take the write lock at once), PostgreSQL takes an advisory lock until the commit.
"""

from django.db import connection

from models_app.domain.errors import ConflictError
from models_app.models import Alias, Deployment

_LOCK = 0x511BA9  # any number that nothing else in this database locks


def model_name_claim(name: str) -> None:
    """Raise ConflictError NAME_TAKEN when a deployment or an alias has it. In a transaction."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    if Deployment.objects.filter(name=name).exists() or Alias.objects.filter(name=name).exists():
        raise ConflictError("NAME_TAKEN", params={"name": name}, fields={"name": "NAME_TAKEN"})
