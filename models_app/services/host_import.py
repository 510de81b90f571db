"""Many hosts at once: all of them, or none; and before that, what would be wrong with which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from models_app.domain.actors import Actor
from models_app.domain.connections import DockerConnection, parse_connection
from models_app.domain.errors import InvalidError, SlipwayError
from models_app.domain.states import Role
from models_app.models import Host
from models_app.services.hosts import host_add
from models_app.services.sealing import unseal

ROWS_LIMIT = 500
ROW_FIELDS = frozenset(
    {"name", "runtime", "connection", "secret", "identity", "labels", "memory_budget_bytes"}
)
LIKE = "secret_like"  # the name of a Docker host whose keys this one shares


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What came, or would come, of one row."""

    number: int
    name: str
    error: SlipwayError | None


def hosts_import(
    actor: Actor, rows: Sequence[Mapping[str, Any]], *, dry_run: bool
) -> list[RowOutcome]:
    """Add every host, or none when one is refused or it is a `dry_run`. Raises InvalidError."""
    actor.require(Role.ADMIN)
    if not 0 < len(rows) <= ROWS_LIMIT:
        raise InvalidError("ROWS_OUT_OF_RANGE", params={"limit": ROWS_LIMIT})
    with transaction.atomic():
        outcomes = [_add(actor, number, row) for number, row in enumerate(rows, start=1)]
        if dry_run or any(outcome.error for outcome in outcomes):
            transaction.set_rollback(True)
    return outcomes


def _add(actor: Actor, number: int, row: Mapping[str, Any]) -> RowOutcome:
    name = str(row.get("name", ""))[:60]
    try:
        with transaction.atomic():
            host_add(actor, **_fields(row))
    except SlipwayError as error:
        return RowOutcome(number, name, error)
    return RowOutcome(number, name, None)


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(row) - ROW_FIELDS - {LIKE}
    if unknown:
        raise InvalidError("FIELD_UNKNOWN", fields=dict.fromkeys(unknown, "FIELD_UNKNOWN"))
    missing = {"name", "runtime"} - set(row)
    if missing:
        raise InvalidError(fields=dict.fromkeys(missing, "FIELD_REQUIRED"))
    fields = {key: value for key, value in row.items() if key != LIKE}
    if row.get(LIKE):
        fields["secret"] = _shared_secret(row)
    return fields


def _shared_secret(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the keys of another host: those prove themselves and are never sent anywhere.

    A token would be: it is not shared, so that no address can be used to collect one.
    """
    other = Host.objects.filter(name=str(row[LIKE]), runtime="docker").first()
    connection = parse_connection(str(row["runtime"]), row.get("connection") or {})
    if other is None or not isinstance(connection, DockerConnection):
        raise InvalidError("HOST_NOT_SHARING", fields={LIKE: "HOST_NOT_SHARING"})
    return unseal(other, "secret")
