"""Rolls usage up by hour and by day, and forgets single requests when their time is over.

An hour is always made anew from its requests, in one transaction with its mark: done twice, or
stopped in the middle, it comes out the same. Requests that come late mark their hour again.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from models_app.domain.histograms import stored
from models_app.models import Usage, UsageHour, UsageRollup
from models_app.selectors.usage_figures import (
    COUNTS,
    DAY_S,
    HOUR_S,
    Cell,
    Figures,
    add_requests,
    add_rollups,
)
from models_app.services.usage import hour_of

REQUEST_LIFE = timedelta(days=30)
REQUESTS_KEPT = 2_000_000  # however short that is: a busy gateway must not fill the disk
HOUR_LIFE = timedelta(days=180)
DAY_LIFE = timedelta(days=5 * 365)
SETTLED = timedelta(minutes=1)  # after its end, an hour's last batches are in
HOURS_A_RUN = 72  # after a long pause the rest follows a minute later
DIMS = ("deployment_id", "deployment_name", "host_id", "key_id", "engine", "route")
_HOUR, _DAY = timedelta(seconds=HOUR_S), timedelta(seconds=DAY_S)


def usage_roll_up(now: datetime | None = None) -> int:
    """Roll up every hour that is over and whose roll-up is behind; return how many."""
    now = now or timezone.now()
    over = UsageHour.objects.filter(is_dirty=True, at__lte=now - _HOUR - SETTLED)
    hours = list(over.order_by("at").values_list("at", flat=True)[:HOURS_A_RUN])
    return sum(_roll_up(hour) for hour in hours)


def usage_prune(now: datetime | None = None) -> None:
    """Forget what has outlived its use: whole hours of requests, rolled up before; old roll-ups."""
    now = now or timezone.now()
    until = max(hour_of(now - REQUEST_LIFE), _hour_beyond(REQUESTS_KEPT))
    behind = UsageHour.objects.filter(is_dirty=True).order_by("at").first()
    until = min(until, behind.at) if behind else until
    with transaction.atomic():
        UsageHour.objects.filter(at__lt=until, is_pruned=False).update(is_pruned=True)
        Usage.objects.filter(at__lt=until).delete()
    UsageRollup.objects.filter(seconds=HOUR_S, at__lt=now - HOUR_LIFE).delete()
    UsageRollup.objects.filter(seconds=DAY_S, at__lt=now - DAY_LIFE).delete()
    UsageHour.objects.filter(at__lt=now - HOUR_LIFE, is_dirty=False).delete()


@transaction.atomic
def _roll_up(hour: datetime) -> bool:
    """Make an hour and its day anew. The lock has writers of that day wait, and other roll-ups."""
    day = hour.replace(hour=0)
    rows = UsageHour.objects.select_for_update().filter(at__gte=day, at__lt=day + _DAY)
    marks = {row.at: row for row in rows.order_by("at")}
    mark = marks.get(hour)
    if mark is None or not mark.is_dirty:
        return False
    UsageHour.objects.filter(pk=mark.pk).update(is_dirty=False)
    if mark.is_pruned:  # what came too late to be told with its hour's other requests
        return False
    by_hour: dict[Cell, Figures] = {}
    add_requests(by_hour, Usage.objects.filter(at__gte=hour, at__lt=hour + _HOUR), DIMS)
    _replace(HOUR_S, hour, by_hour)
    by_day: dict[Cell, Figures] = {}
    hours = UsageRollup.objects.filter(seconds=HOUR_S, at__gte=day, at__lt=day + _DAY)
    add_rollups(by_day, hours, DIMS)
    _replace(DAY_S, day, by_day)
    return True


def _replace(seconds: int, at: datetime, found: dict[Cell, Figures]) -> None:
    UsageRollup.objects.filter(seconds=seconds, at=at).delete()
    UsageRollup.objects.bulk_create(
        UsageRollup(
            seconds=seconds,
            at=at,
            **dict(zip(DIMS, cell, strict=True)),
            **{name: getattr(figures, name) for name in COUNTS},
            first_token=stored(figures.first_token),
            duration=stored(figures.duration),
        )
        for cell, figures in found.items()
    )


def _hour_beyond(kept: int) -> datetime:
    """Return the beginning of the hour of the first request that is one too many."""
    times = Usage.objects.order_by("-at").values_list("at", flat=True)[kept : kept + 1]
    first = next(iter(times), None)
    return hour_of(first) if first else datetime.min.replace(tzinfo=timezone.get_default_timezone())
