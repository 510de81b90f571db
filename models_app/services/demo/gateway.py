"""The demo's keys, aliases and usage: a day of single requests, a year of roll-ups."""

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from models_app.domain.gateway import KEY_LIMITS, KeyRoute, as_values
from models_app.domain.histograms import bucket_of, stored
from models_app.domain.states import ReplicaState
from models_app.models import (
    Alias,
    AliasVersion,
    Deployment,
    GatewayKey,
    Replica,
    Usage,
    UsageHour,
    UsageRollup,
    User,
)
from models_app.selectors.usage_figures import DAY_S, HOUR_S
from models_app.services.demo.times import ago, set_times
from models_app.services.usage import hour_of

KEY_IDS = "demo"  # every key of the demo begins so
ALIASES = ("assistant", "assistant-next")
BATCH = 2000
REQUESTS_A_DAY = 900  # of each replica
HOURS, DAYS = 30 * 24, 365
ERROR_ODDS, CANCEL_ODDS = 0.015, 0.03


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks a deployment, and how busily by day."""

    key: GatewayKey | None
    replica: Replica
    busy: float


def gateway_add(deployments: Sequence[Deployment], chance: random.Random) -> None:
    """Write keys for these deployments, aliases to them, and what they used."""
    rows = Replica.objects.filter(deployment__in=deployments, state=ReplicaState.READY)
    serving = list(rows.select_related("deployment", "revision", "host").order_by("pk"))
    names = list(dict.fromkeys(replica.deployment for replica in serving))
    keys = _keys_add(names)
    _aliases_add(names)
    callers = [
        Caller(chance.choice([*keys, None]), replica, chance.uniform(0.2, 1.0))
        for replica in serving
        for _ in range(2)
    ]
    now = timezone.now()
    asked = [row for caller in callers for row in _requests(caller, now, chance)]
    Usage.objects.bulk_create(asked, batch_size=BATCH)
    UsageHour.objects.bulk_create(
        [UsageHour(at=hour) for hour in sorted({hour_of(row.at) for row in asked})],
        ignore_conflicts=True,
    )
    UsageRollup.objects.bulk_create(_past(callers, now, chance), batch_size=BATCH)


def gateway_clear(deployments: Sequence[int]) -> None:
    """Take away what `gateway_add` wrote, and the marks of hours in which nothing is left."""
    Usage.objects.filter(deployment__in=deployments).delete()
    UsageRollup.objects.filter(deployment__in=deployments).delete()
    GatewayKey.objects.filter(key_id__startswith=KEY_IDS).delete()
    Alias.objects.filter(name__in=ALIASES).update(current=None)
    Alias.objects.filter(name__in=ALIASES).delete()
    for hour in UsageHour.objects.all():
        end = hour.at + timedelta(seconds=HOUR_S)
        if not Usage.objects.filter(at__gte=hour.at, at__lt=end).exists():
            hour.delete()


def _keys_add(deployments: Sequence[Deployment]) -> list[GatewayKey]:
    owner = User.objects.filter(role="admin").order_by("pk").first()
    now = timezone.now()
    wanted: tuple[tuple[str, int, dict[str, Any]], ...] = (
        ("Till of the shop", 71, {}),
        ("Nightly reports", 12, {"limits": {"tokens_per_day": 2_000_000}}),
        ("Support desk", 88, {"every_model": True, "ollama_face": True}),
        ("Trial of the spring", -9, {}),
    )
    keys = [
        GatewayKey.objects.create(
            owner=owner,
            name=name,
            key_id=f"{KEY_IDS}{number}",
            secret_hmac="0" * 64,
            **{
                "deployments": [str(d.public_id) for d in deployments[number % 3 :][:2]],
                "routes": [str(route) for route in KeyRoute],
                "limits": as_values(KEY_LIMITS),
                "expires_at": now + timedelta(days=days),
                "last_used_at": now - timedelta(minutes=7 * number, days=10 * (days < 0)),
                **fields,
            },
        )
        for number, (name, days, fields) in enumerate(wanted)
    ]
    set_times(keys, "created_at", [now - timedelta(days=30)] * len(keys))
    return keys[:3]


def _aliases_add(deployments: Sequence[Deployment]) -> None:
    ids = [str(deployment.public_id) for deployment in deployments]
    if len(ids) < 3:  # noqa: PLR2004 - two to share, one to fall back on
        return
    shares = ([(ids[0], 1)], [(ids[0], 9), (ids[1], 1)])
    for name, fallback in zip(ALIASES, ([ids[2]], []), strict=True):
        alias = Alias.objects.create(name=name)
        for number, targets in enumerate(shares, start=1):
            version = alias.current = AliasVersion.objects.create(
                alias=alias,
                number=number,
                targets=[{"deployment": ref, "weight": weight} for ref, weight in targets],
                fallback=fallback,
                comment="" if number == 1 else "a tenth to the new one",
            )
            set_times([version], "created_at", [ago(days=16 - 6 * number)])
        alias.save()


def _busy(at: datetime) -> float:
    """Return how busy an hour of the week is: days more than nights, weekends less."""
    day = 0.5 + 0.5 * math.sin((at.hour - 7) / 24 * 2 * math.pi)
    return (0.15 + 0.85 * day) * (0.4 if at.weekday() > 4 else 1.0)  # noqa: PLR2004 - Saturday


def _requests(caller: Caller, now: datetime, chance: random.Random) -> Iterator[Usage]:
    replica = caller.replica
    for _ in range(REQUESTS_A_DAY // 2):
        at = now - timedelta(seconds=DAY_S * chance.random() ** 1.3)
        if chance.random() > _busy(at) * caller.busy:
            continue
        tokens, first = chance.randint(20, 300), chance.lognormvariate(4.9, 0.45)
        failed, left = chance.random() < ERROR_ODDS, chance.random() < CANCEL_ODDS
        yield Usage(
            at=at,
            deployment=replica.deployment,
            deployment_name=replica.deployment.name,
            replica=replica,
            host=replica.host,
            key=caller.key,
            engine=replica.revision.engine,
            route="chat" if caller.key else "playground",
            status="ENGINE_DIED" if failed else "cancelled" if left else "ok",
            prompt_tokens=chance.randint(12, 900),
            completion_tokens=tokens,
            cached_tokens=chance.choice((0, 0, 12)),
            first_token_ms=round(first, 1),
            duration_ms=round(first + tokens * 24, 1),
            tokens_per_s=round(1000 / 24, 1),
        )


def _past(callers: Sequence[Caller], now: datetime, chance: random.Random) -> list[UsageRollup]:
    """Return hours of a month and days of a year, up to where the single requests begin."""
    edge = hour_of(now - timedelta(days=1))
    hours = [edge - timedelta(hours=number) for number in range(1, HOURS)]
    days = [edge.replace(hour=0) - timedelta(days=number) for number in range(DAYS)]
    return [
        *(_rollup(caller, HOUR_S, at, chance) for at in hours for caller in callers),
        *(_rollup(caller, DAY_S, at, chance) for at in days for caller in callers),
    ]


def _rollup(caller: Caller, seconds: int, at: datetime, chance: random.Random) -> UsageRollup:
    replica, is_day = caller.replica, seconds == DAY_S
    busy = caller.busy * (0.5 if is_day else _busy(at)) * chance.uniform(0.7, 1.3)
    requests = round(REQUESTS_A_DAY / 2 * busy * (1 if is_day else 1 / 24))
    firsts = [chance.lognormvariate(4.9, 0.45) for _ in range(min(requests, 12))]
    return UsageRollup(
        seconds=seconds,
        at=at,
        deployment=replica.deployment,
        deployment_name=replica.deployment.name,
        host=replica.host,
        key=caller.key,
        engine=replica.revision.engine,
        route="chat" if caller.key else "playground",
        requests=requests,
        errors=round(requests * ERROR_ODDS * chance.uniform(0, 2)),
        cancelled=round(requests * CANCEL_ODDS),
        prompt_tokens=requests * 450,
        completion_tokens=requests * 160,
        cached_tokens=requests * 4,
        first_token=stored(Counter(map(bucket_of, firsts))),
        duration=stored(Counter(bucket_of(first + 160 * 24) for first in firsts)),
    )
