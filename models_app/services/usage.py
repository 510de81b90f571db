"""Writes of usage: what requests through the routing core took. Prompts are never stored.

Figures, not wishes: no actor and no audit row. Writing the same records twice stores them once, so
that a batch whose commit was in doubt can be written again.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from models_app.models import Deployment, GatewayKey, Replica, Usage, UsageHour, User
from models_app.services.usage_rows import UsageRow, usage_rows_insert

USED_NOTE_EVERY = timedelta(minutes=1)


@dataclass(slots=True)  # frozen, each would take thrice as long to make
class UsageRecord:
    """One finished request, by row ids. `status`: ok, cancelled, or an error's code.

    `route`: a KeyRoute, or playground. `alias`: the name that was asked, where it was an alias.
    """

    at: datetime
    deployment_id: int
    replica_id: int | None
    user_id: int | None
    route: str
    status: str
    prompt_tokens: int | None
    completion_tokens: int | None
    first_token_ms: float | None
    duration_ms: float
    key_id: int | None = None
    alias: str = ""
    cached_tokens: int | None = None
    tokens_per_s: float | None = None
    request_id: uuid.UUID = field(default_factory=uuid.uuid4)


STATUS_WIDTH = Usage._meta.get_field("status").max_length


@dataclass(frozen=True, slots=True)
class _Known:
    """The rows that the records name and that are still there."""

    deployments: Mapping[int, tuple[str, str]]  # name, engine
    replicas: Mapping[int, tuple[int, str]]  # host, engine
    users: frozenset[int]
    keys: frozenset[int]


@transaction.atomic
def usage_record_many(records: Sequence[UsageRecord]) -> int:
    """Store the records; return how many.

    Rows can have gone since the request: a record of a deleted deployment is dropped, one of a
    deleted replica or user keeps the rest.
    """
    known = _known(records)
    kept = [r for r in records if r.deployment_id in known.deployments]
    if not kept:
        return 0
    _mark_hours(kept)
    usage_rows_insert([_row(r, known) for r in kept])
    _note_key_use(kept)
    return len(kept)


def hour_of(at: datetime) -> datetime:
    """Return the beginning of the hour in which a time lies."""
    return at.replace(minute=0, second=0, microsecond=0)


def _row(r: UsageRecord, known: _Known) -> UsageRow:
    name, engine = known.deployments[r.deployment_id]
    host_id, engine = known.replicas.get(r.replica_id or 0, (None, engine))
    return UsageRow(
        r.request_id,
        r.at,
        r.deployment_id,
        name,
        r.replica_id if r.replica_id in known.replicas else None,
        host_id,
        r.key_id if r.key_id in known.keys else None,
        r.user_id if r.user_id in known.users else None,
        engine,
        r.alias,
        r.route,
        r.status[:STATUS_WIDTH],
        r.prompt_tokens,
        r.completion_tokens,
        r.cached_tokens,
        r.first_token_ms,
        r.duration_ms,
        r.tokens_per_s,
    )


def _known(records: Sequence[UsageRecord]) -> _Known:
    deployments = Deployment.objects.filter(pk__in={r.deployment_id for r in records})
    replicas = Replica.objects.filter(pk__in={r.replica_id for r in records if r.replica_id})
    users = User.objects.filter(pk__in={r.user_id for r in records if r.user_id})
    keys = GatewayKey.objects.filter(pk__in={r.key_id for r in records if r.key_id})
    return _Known(
        {
            pk: (name, engine or "")
            for pk, name, engine in deployments.values_list("pk", "name", "revision__engine")
        },
        {
            pk: (host, engine)
            for pk, host, engine in replicas.values_list("pk", "host", "revision__engine")
        },
        frozenset(users.values_list("pk", flat=True)),
        frozenset(keys.values_list("pk", flat=True)),
    )


def _mark_hours(records: Sequence[UsageRecord]) -> None:
    """Say that these hours' roll-ups are behind; before the rows, so that a roll-up waits."""
    hours = _hours_of(records)
    UsageHour.objects.bulk_create(
        [UsageHour(at=hour, is_dirty=True) for hour in hours],
        update_conflicts=True,
        unique_fields=["at"],
        update_fields=["is_dirty"],
    )


def _hours_of(records: Sequence[UsageRecord]) -> list[datetime]:
    hours: set[datetime] = set()
    begin = end = datetime.min.replace(tzinfo=UTC)
    for record in records:
        if not begin <= record.at < end:  # almost never: a batch is of one second
            begin = hour_of(record.at)
            end = begin + timedelta(hours=1)
            hours.add(begin)
    return sorted(hours)


def _note_key_use(records: Sequence[UsageRecord]) -> None:
    """Write when keys were last used, at most once a minute each."""
    now = timezone.now()
    used = {r.key_id for r in records if r.key_id}
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_NOTE_EVERY)
    if used:
        GatewayKey.objects.filter(stale, pk__in=used).update(last_used_at=now)
