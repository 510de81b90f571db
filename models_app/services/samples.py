"""Time series: raw for an hour, per minute for some days, then gone. Bounded by construction."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Avg, DateTimeField, Max
from django.db.models.functions import Trunc
from django.utils import timezone

from models_app.domain.specs import EngineSamples, HostUsage, WorkloadStats
from models_app.models import Host, HostSample, Replica, ReplicaSample
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
    HostSample.objects.create(
        host=host,
        at=timezone.now(),
        cpu_percent=usage.cpu_percent,
        memory_used_bytes=usage.memory_used_bytes,
        disk_used_bytes=usage.disk_used_bytes,
    )


def replica_sample_add(
    replica: Replica, stats: WorkloadStats | None, engine: EngineSamples | None
) -> None:
    """Keep how a replica works now. Rates are over the time since the sample before."""
    now = timezone.now()
    last = ReplicaSample.objects.filter(replica=replica, resolution=RAW).order_by("-at").first()
    totals = _totals(stats, engine)
    ReplicaSample.objects.create(
        replica=replica,
        at=now,
        cpu_percent=stats.cpu_percent if stats else None,
        memory_bytes=stats.memory_bytes if stats else None,
        requests_processing=engine.requests_processing if engine else None,
        totals=totals,
        **_rates(last, totals, now),
    )
    browsers.publish_changed("deployment", replica.deployment.public_id)


def samples_roll_up() -> None:
    """Make the per-minute rows of every minute that has ended, and prune what is too old."""
    this_minute = timezone.now().replace(second=0, microsecond=0)
    _roll_up(HostSample, "host_id", HOST_FIELDS, this_minute)
    _roll_up(ReplicaSample, "replica_id", REPLICA_FIELDS, this_minute)
    minute_life = timedelta(days=instance_settings().metrics_days)
    for samples in (HostSample, ReplicaSample):
        rows = samples.objects
        rows.filter(resolution=RAW, at__lt=timezone.now() - RAW_LIFE).delete()
        rows.filter(resolution=MINUTE, at__lt=timezone.now() - minute_life).delete()


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
    last: ReplicaSample | None, totals: dict[str, float | None], now: datetime
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
