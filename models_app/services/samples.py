"""Time series: raw for an hour, per minute for some days, then gone. Bounded by construction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Avg, DateTimeField, Max, QuerySet
from django.db.models.functions import Trunc

from models_app.domain.specs import EngineSamples, HostUsage, WorkloadStats
from models_app.models import Host, HostSample, Replica, ReplicaSample
from models_app.models.clock import database_now
from models_app.notify import browsers
from models_app.selectors.instance import instance_settings

RAW = 0
MINUTE = 60
RAW_LIFE = timedelta(hours=1)
HOST_FIELDS = ("cpu_percent", "memory_used_bytes", "disk_used_bytes")
REPLICA_FIELDS = (
    "cpu_percent",
    "memory_bytes",
    "tokens_per_s",
    "prompt_tokens_per_s",
    "requests_processing",
    "network_received_per_s",
    "network_sent_per_s",
)
# A counter that only grows -> the rate that is made of it.
_RATES = {
    "completion_tokens": "tokens_per_s",
    "prompt_tokens": "prompt_tokens_per_s",
    "network_received": "network_received_per_s",
    "network_sent": "network_sent_per_s",
}


def host_sample_add(host: Host, usage: HostUsage) -> None:
    """Keep what a host said of itself now."""
    host_sample(host, usage).save()


def replica_sample_add(
    replica: Replica, stats: WorkloadStats | None, engine: EngineSamples | None
) -> None:
    """Keep how a replica works now."""
    last = last_samples().filter(replica=replica).first()
    samples_add([replica_sample(replica, stats, engine, LastSample.of(last))])


def host_sample(host: Host, usage: HostUsage) -> HostSample:
    """Return what a host said of itself now, to be kept."""
    return HostSample(
        host=host,
        at=database_now(),
        cpu_percent=usage.cpu_percent,
        memory_used_bytes=usage.memory_used_bytes,
        disk_used_bytes=usage.disk_used_bytes,
    )


def replica_sample(
    replica: Replica,
    stats: WorkloadStats | None,
    engine: EngineSamples | None,
    last: "LastSample | None",
) -> ReplicaSample:
    """Return how a replica works now, to be kept. Rates are over the time since `last`."""
    now = database_now()
    totals = _totals(stats, engine)
    return ReplicaSample(
        replica=replica,
        at=now,
        cpu_percent=stats.cpu_percent if stats else None,
        memory_bytes=stats.memory_bytes if stats else None,
        requests_processing=engine.requests_processing if engine else None,
        totals=totals,
        **_rates(last, totals, now),
    )


def samples_add(rows: Sequence[HostSample | ReplicaSample]) -> None:
    """Keep many at once, and tell each deployment's readers once. A row that is gone keeps none."""
    replicas = [row for row in rows if isinstance(row, ReplicaSample)]
    _add_all(HostSample, [row for row in rows if isinstance(row, HostSample)], "host_id")
    _add_all(ReplicaSample, replicas, "replica_id")
    for deployment in {row.replica.deployment.public_id for row in replicas}:
        browsers.publish_changed("deployment", deployment)


def _add_all(samples: type[Any], rows: Sequence[Any], owner: str) -> None:
    if not rows:
        return
    try:
        with transaction.atomic():
            samples.objects.bulk_create(rows)
    except IntegrityError:
        owners = samples._meta.get_field(owner.removesuffix("_id")).related_model
        found = {getattr(row, owner) for row in rows}
        there = set(owners.objects.filter(pk__in=found).values_list("pk", flat=True))
        samples.objects.bulk_create([row for row in rows if getattr(row, owner) in there])


@dataclass(frozen=True, slots=True)
class LastSample:
    """What the next rates are differences to."""

    at: datetime
    totals: Mapping[str, float | None]

    @classmethod
    def of(cls, sample: ReplicaSample | None) -> "LastSample | None":
        """Return it of a row."""
        return cls(sample.at, sample.totals) if sample else None


def last_samples() -> QuerySet[ReplicaSample]:
    """Return the samples as measured, the last ones first."""
    return ReplicaSample.objects.filter(resolution=RAW).order_by("-at")


def samples_roll_up() -> None:
    """Make the per-minute rows of every minute that has ended, and prune what is too old."""
    this_minute = database_now().replace(second=0, microsecond=0)
    _roll_up(HostSample, "host_id", HOST_FIELDS, this_minute)
    _roll_up(ReplicaSample, "replica_id", REPLICA_FIELDS, this_minute)
    minute_life = timedelta(days=instance_settings().metrics_days)
    for samples in (HostSample, ReplicaSample):
        rows = samples.objects
        rows.filter(resolution=RAW, at__lt=database_now() - RAW_LIFE).delete()
        rows.filter(resolution=MINUTE, at__lt=database_now() - minute_life).delete()


@transaction.atomic
def _roll_up(
    samples: type[HostSample] | type[ReplicaSample],
    owner: str,
    fields: tuple[str, ...],
    until: datetime,
) -> None:
    done = samples.objects.filter(resolution=MINUTE).aggregate(last=Max("at"))["last"]
    raw = samples.objects.filter(resolution=RAW, at__lt=until)
    if done:
        raw = raw.filter(at__gte=done + timedelta(minutes=1))
    minutes = raw.annotate(minute=Trunc("at", "minute", output_field=DateTimeField()))
    means = minutes.values(owner, "minute").annotate(**{f"mean_{f}": Avg(f) for f in fields})
    rows: list[Any] = [
        samples(
            **{owner: row[owner]},
            resolution=MINUTE,
            at=row["minute"],
            **{f: _as_stored(samples, f, row[f"mean_{f}"]) for f in fields},
        )
        for row in means
    ]
    # Another worker may have done the same minutes meanwhile: its rows are as good.
    samples.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)


def _as_stored(samples: type[Any], field: str, value: float | None) -> float | int | None:
    whole = samples._meta.get_field(field).get_internal_type() == "BigIntegerField"
    return round(value) if whole and value is not None else value


def _totals(stats: WorkloadStats | None, engine: EngineSamples | None) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    if engine:
        found["prompt_tokens"] = engine.prompt_tokens_total
        found["completion_tokens"] = engine.completion_tokens_total
    if stats:
        found["network_received"] = stats.network_received_bytes
        found["network_sent"] = stats.network_sent_bytes
    return found


def _rates(
    last: LastSample | None, totals: dict[str, float | None], now: datetime
) -> dict[str, float | None]:
    if last is None:
        return {}
    seconds = (now - last.at).total_seconds()

    def rate(key: str) -> float | None:
        old, new = last.totals.get(key), totals.get(key)
        # A counter that fell belongs to an engine that was restarted in between.
        if old is None or new is None or new < old or seconds <= 0:
            return None
        return float((new - old) / seconds)

    return {column: rate(key) for key, column in _RATES.items()}
