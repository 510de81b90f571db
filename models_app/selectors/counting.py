"""Counts and sums of related rows as subqueries.

A join with GROUP BY would visit every row of a large table before the page's LIMIT; a correlated
subquery runs for the rows of the page only.
"""

from typing import Any

from django.db.models import (
    BigIntegerField,
    Count,
    IntegerField,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce


def related_count(rows: QuerySet[Any], foreign_key: str) -> Coalesce:
    """Return how many of `rows` point at the outer row."""
    mine = rows.filter(**{foreign_key: OuterRef("pk")}).order_by().values(foreign_key)
    return Coalesce(
        Subquery(mine.annotate(n=Count("pk")).values("n"), output_field=IntegerField()),
        0,
    )


def related_sum(rows: QuerySet[Any], foreign_key: str, amount: Combinable) -> Coalesce:
    """Return the sum of an amount of bytes over those of `rows` that point at the outer row."""
    mine = rows.filter(**{foreign_key: OuterRef("pk")}).order_by().values(foreign_key)
    return Coalesce(
        Subquery(mine.annotate(n=Sum(amount)).values("n"), output_field=BigIntegerField()),
        0,
        output_field=BigIntegerField(),
    )
