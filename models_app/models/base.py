"""What every row shares: a public id, times, a version; and for worked rows a lease."""

import uuid
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q


def states_check(name: str, field: str, states: type[StrEnum]) -> models.CheckConstraint:
    """Return the constraint that holds `field` to the names of a state machine."""
    return models.CheckConstraint(name=name, condition=Q(**{f"{field}__in": list(states)}))


def choices(states: Iterable[StrEnum]) -> list[tuple[str, str]]:
    """Return Django's choices of a domain enum; people's words for them live in the wording."""
    return [(str(state), str(state)) for state in states]


class JSONField(models.JSONField):
    """JSON that takes dates, decimals and ids as Django does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("encoder", DjangoJSONEncoder)
        super().__init__(*args, **kwargs)


class Row(models.Model):
    """A row with a public id. `version` grows with each change a person or script makes."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        abstract = True


class WorkedRow(Row):
    """A row that a reconciler works on: the row is the work, messages only point at it.

    `next_action_at` null means nothing is due. The lease is taken by compare-and-swap on the
    database's clock; `lease_token` only grows, and every write of a reconciler names its token.
    """

    generation = models.PositiveIntegerField(default=1)
    observed_generation = models.PositiveIntegerField(default=0)
    next_action_at = models.DateTimeField(null=True, blank=True, db_index=True)
    progress_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=80, blank=True, default="")
    lease_token = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    failure_code = models.CharField(max_length=40, blank=True, default="")
    failure_params = JSONField(default=dict, blank=True)
    failure_evidence = JSONField(default=list, blank=True)

    class Meta:
        abstract = True
