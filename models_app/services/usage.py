"""Writes of usage: what requests through the routing core took. Prompts are never stored.

Figures, not wishes: no actor and no audit row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models_app.models import Deployment, Replica, Usage, User


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """One finished request, by row ids. `status`: ok, cancelled, or an error's code."""

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


STATUS_WIDTH = Usage._meta.get_field("status").max_length


def usage_record_many(records: Sequence[UsageRecord]) -> int:
    """Store the records; return how many.

    Rows can have gone since the request: a record of a deleted deployment is dropped, one of a
    deleted replica or user keeps the rest.
    """
    deployments = _existing(Deployment, {r.deployment_id for r in records})
    replicas = _existing(Replica, {r.replica_id for r in records if r.replica_id})
    users = _existing(User, {r.user_id for r in records if r.user_id})
    rows = [
        Usage(
            at=r.at,
            deployment_id=r.deployment_id,
            replica_id=r.replica_id if r.replica_id in replicas else None,
            user_id=r.user_id if r.user_id in users else None,
            route=r.route,
            status=r.status[:STATUS_WIDTH],
            prompt_tokens=r.prompt_tokens,
            completion_tokens=r.completion_tokens,
            first_token_ms=r.first_token_ms,
            duration_ms=r.duration_ms,
        )
        for r in records
        if r.deployment_id in deployments
    ]
    return len(Usage.objects.bulk_create(rows))


def _existing(model: type[Deployment] | type[Replica] | type[User], ids: set[int]) -> set[int]:
    return set(model.objects.filter(pk__in=ids).values_list("pk", flat=True))
