"""Roll-ups say what the requests said, however often and in whatever order they are made."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from models_app.domain.histograms import bucket_of
from models_app.models import Usage, UsageHour, UsageRollup
from models_app.selectors.usage import UsageQuery, usage_by, usage_series, usage_span, usage_totals
from models_app.services import usage_rollups
from models_app.services.gateway_keys import KeyScope, gateway_key_create
from models_app.services.usage import hour_of, usage_record_many
from models_app.services.usage_rollups import usage_prune, usage_roll_up
from tests.factories import actor_of, make_deployment, make_replica, usage_record

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def record(deployment, at, **fields):
    return usage_record(deployment, at=at, **fields)


def rollups(seconds=3600):
    rows = UsageRollup.objects.filter(seconds=seconds).order_by("at", "deployment_name", "route")
    return [
        (r.at, r.deployment_name, r.requests, r.errors, r.completion_tokens, r.first_token)
        for r in rows
    ]


def test_an_hour_and_its_day_are_summed_once_and_again_the_same():
    one, two = make_deployment("one"), make_deployment("two")
    at = NOON + timedelta(minutes=5)
    usage_record_many(
        [
            record(one, at),
            record(one, at, first_token_ms=200.0),
            record(one, at, status="ENGINE_DIED", first_token_ms=None),
            record(two, at, status="cancelled"),
            record(one, NOON + timedelta(hours=1)),
        ]
    )
    now = NOON + timedelta(hours=3)
    assert usage_roll_up(now) == 2
    first = rollups()
    buckets = {str(bucket_of(100.0)): 1, str(bucket_of(200.0)): 1}
    assert first == [
        (NOON, "one", 3, 1, 15, buckets),
        (NOON, "two", 1, 0, 5, {}),
        (NOON + timedelta(hours=1), "one", 1, 0, 5, {str(bucket_of(100.0)): 1}),
    ]
    day = rollups(86_400)
    assert [row[:3] for row in day] == [(NOON.replace(hour=0), "one", 4), (day[1][0], "two", 1)]
    assert usage_roll_up(now) == 0
    UsageHour.objects.update(is_dirty=True)
    assert usage_roll_up(now) == 2
    assert (rollups(), rollups(86_400)) == (first, day)


def test_the_running_hour_waits_until_it_is_over():
    usage_record_many([record(make_deployment(), NOON)])
    assert usage_roll_up(NOON + timedelta(minutes=59)) == 0
    assert usage_roll_up(NOON + timedelta(hours=1)) == 0
    assert usage_roll_up(NOON + timedelta(hours=1, minutes=1)) == 1


def test_what_comes_late_is_in_its_hour_too():
    deployment = make_deployment()
    usage_record_many([record(deployment, NOON)])
    now = NOON + timedelta(hours=5)
    usage_roll_up(now)
    usage_record_many([record(deployment, NOON + timedelta(minutes=1))])
    assert usage_roll_up(now) == 1
    assert [row[2] for row in rollups()] == [2]
    assert [row[2] for row in rollups(86_400)] == [2]


def test_a_crash_in_the_middle_leaves_the_hour_as_it_was(monkeypatch):
    deployment = make_deployment()
    usage_record_many([record(deployment, NOON)])
    now = NOON + timedelta(hours=2)

    def crash(*_args, **_fields):
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(usage_rollups, "add_rollups", crash)
        with pytest.raises(RuntimeError):
            usage_roll_up(now)
    assert not UsageRollup.objects.exists()
    assert usage_roll_up(now) == 1
    assert [row[2] for row in rollups(86_400)] == [1]


def test_requests_go_when_their_time_is_over_and_never_before_their_roll_up():
    deployment = make_deployment()
    usage_record_many([record(deployment, NOON), record(deployment, NOON + timedelta(days=20))])
    now = NOON + timedelta(days=31)
    usage_prune(now)
    assert Usage.objects.count() == 2  # not rolled up yet
    usage_roll_up(now)
    usage_prune(now)
    assert [row.at for row in Usage.objects.all()] == [NOON + timedelta(days=20)]
    before = rollups()
    usage_record_many([record(deployment, NOON)])
    usage_roll_up(now)
    assert rollups() == before  # an hour whose requests are gone is not made from one that is late


def test_a_busy_gateway_keeps_fewer_days(monkeypatch):
    monkeypatch.setattr(usage_rollups, "REQUESTS_KEPT", 3)
    deployment = make_deployment()
    for hours in range(5):
        usage_record_many([record(deployment, NOON + timedelta(hours=hours, minutes=5))])
    now = NOON + timedelta(hours=9)
    usage_roll_up(now)
    usage_prune(now)
    assert Usage.objects.count() == 4  # three, and the whole of the hour before
    assert sum(row[2] for row in rollups()) == 5


def test_ranges_read_requests_or_roll_ups_and_tell_the_same(charlie, bob):
    replica = make_replica()
    deployment = replica.deployment
    key, _ = gateway_key_create(
        actor_of(bob), name="till", scope=KeyScope(deployments=[deployment.name])
    )
    now = timezone.now()
    times = [hour_of(now) - timedelta(hours=hours, minutes=-10) for hours in range(1, 12)]
    usage_record_many(
        [record(deployment, at, replica_id=replica.pk, key_id=key.pk) for at in [*times, now]]
    )
    usage_record_many([record(deployment, now, status="ENGINE_DIED", first_token_ms=None)])
    told = []
    for rolled in (False, True):
        if rolled:
            assert usage_roll_up(now) >= 10
        for range_ in ("24h", "7d", "30d", "90d", "1y"):
            figures = usage_totals(actor_of(charlie), UsageQuery(usage_span(range_)))
            told.append((figures.requests, figures.errors, figures.tokens))
            series = usage_series(actor_of(charlie), UsageQuery(usage_span(range_)))
            assert sum(v or 0 for v in series.values["requests"]) == 13
            assert series.values["first_token_p95_ms"][-1] == pytest.approx(100, rel=0.05)
    assert set(told) == {(13, 1, 13 * 15)}


def test_groups_name_what_the_asker_may_know(alice, bob, charlie):
    replica = make_replica()
    deployment = replica.deployment
    scope = KeyScope(deployments=[deployment.name])
    key, _ = gateway_key_create(actor_of(bob), name="till", scope=scope)
    other, _ = gateway_key_create(actor_of(alice), name="robot", scope=scope)
    now = timezone.now()
    usage_record_many(
        [
            record(deployment, now, replica_id=replica.pk, key_id=key.pk),
            record(deployment, now, replica_id=replica.pk, key_id=other.pk, prompt_tokens=90),
            record(deployment, now),
        ]
    )
    query = UsageQuery(usage_span("1h"))
    by_key = [(g.name, g.figures.tokens) for g in usage_by(actor_of(alice), query, "key")]
    assert by_key == [("robot", 95), ("till", 15), ("", 15)]
    of_bob = [(g.name, g.figures.tokens) for g in usage_by(actor_of(bob), query, "key")]
    assert of_bob == [("", 110), ("till", 15)]
    by_host = [(g.name, g.figures.requests) for g in usage_by(actor_of(charlie), query, "host")]
    assert by_host == [(replica.host.name, 2), ("", 1)]
    narrowed = UsageQuery(usage_span("1h"), key=key, deployment=deployment, host=replica.host)
    assert usage_totals(actor_of(bob), narrowed).requests == 1
