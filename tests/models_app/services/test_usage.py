"""Usage is stored in few queries and survives the rows it speaks of."""

from datetime import UTC, datetime, timedelta
from datetime import timezone as timezone_of

import pytest
from django.utils import timezone

from models_app.models import Usage, UsageHour
from models_app.selectors.usage_figures import requests_since
from models_app.services.gateway_keys import KeyScope, gateway_key_create
from models_app.services.usage import UsageRecord, usage_record_many
from tests.factories import actor_of, drop_deployment, make_deployment, make_replica

pytestmark = pytest.mark.django_db


def record(deployment_id, replica_id=None, user_id=None, **fields):
    values = {
        "at": timezone.now(),
        "deployment_id": deployment_id,
        "replica_id": replica_id,
        "user_id": user_id,
        "route": "playground",
        "status": "ok",
        "prompt_tokens": 5,
        "completion_tokens": 7,
        "first_token_ms": 12.5,
        "duration_ms": 100.0,
    }
    return UsageRecord(**(values | fields))


def test_many_records_take_few_queries(alice, django_assert_max_num_queries):
    replica = make_replica()
    records = [record(replica.deployment_id, replica.pk, alice.pk) for _ in range(200)]
    with django_assert_max_num_queries(10):
        assert usage_record_many(records) == 200
    row = Usage.objects.first()
    assert (row.replica, row.user, row.completion_tokens) == (replica, alice, 7)


@pytest.mark.parametrize("count", [1, 49, 50, 51, 120])
def test_every_row_of_a_batch_says_its_own(count):
    deployment = make_deployment()
    zone = timezone_of(timedelta(hours=2))
    times = [datetime(2026, 3, 1, 9, tzinfo=zone) + timedelta(seconds=i / 2) for i in range(count)]
    records = [record(deployment.pk, at=at, prompt_tokens=i) for i, at in enumerate(times)]
    assert usage_record_many(records) == count
    rows = Usage.objects.order_by("id").values_list("request_id", "at", "prompt_tokens")
    assert list(rows) == [(r.request_id, r.at, r.prompt_tokens) for r in records]
    assert UsageHour.objects.get().at == times[0]


def test_requests_since_a_time_are_found_whatever_came_late():
    deployment = make_deployment()
    now = timezone.now()
    ages_s = [500, 30, 20, 400, 10, 90]  # in the order in which they were written
    records = [record(deployment.pk, at=now - timedelta(seconds=age)) for age in ages_s]
    for one in records:
        usage_record_many([one])
    found = requests_since(now - timedelta(seconds=100)).filter(deployment=deployment)
    assert {row.at for row in found} == {
        r.at for r in records if r.at > now - timedelta(seconds=100)
    }
    assert not requests_since(now).exists()


def test_a_record_of_what_is_gone_keeps_the_rest():
    deployment = make_deployment()
    stored = usage_record_many([record(deployment.pk, 10**6, 10**6), record(10**6)])
    assert stored == 1
    row = Usage.objects.get()
    assert (row.deployment, row.replica, row.user) == (deployment, None, None)


def test_a_long_code_is_cut_to_the_column():
    deployment = make_deployment()
    usage_record_many([record(deployment.pk, status="X" * 50)])
    assert Usage.objects.get().status == "X" * 40


def test_a_batch_written_twice_is_stored_once():
    deployment = make_deployment()
    records = [record(deployment.pk) for _ in range(3)]
    usage_record_many(records)
    usage_record_many(records)
    assert Usage.objects.count() == 3


def test_a_record_says_where_it_was_answered_and_outlives_that(bob):
    replica = make_replica()
    key, _ = gateway_key_create(
        actor_of(bob), name="till", scope=KeyScope(deployments=[replica.deployment.name])
    )
    name, host = replica.deployment.name, replica.host
    usage_record_many([record(replica.deployment_id, replica.pk, key_id=key.pk, cached_tokens=3)])
    drop_deployment(replica.deployment)
    row = Usage.objects.get()
    assert (row.deployment, row.deployment_name, row.replica) == (None, name, None)
    assert (row.host, row.engine, row.key, row.cached_tokens) == (host, "llamacpp", key, 3)
    key.refresh_from_db()
    assert key.last_used_at is not None


def test_hours_with_usage_are_marked_for_their_roll_up():
    deployment = make_deployment()
    at = datetime(2026, 1, 1, 10, 59, tzinfo=UTC)
    usage_record_many([record(deployment.pk, at=at)])
    UsageHour.objects.update(is_dirty=False)
    usage_record_many([record(deployment.pk, at=at), record(deployment.pk)])
    assert UsageHour.objects.filter(is_dirty=True).count() == 2
    assert UsageHour.objects.order_by("at").first().at == at.replace(minute=0)


def test_nothing_to_store():
    assert usage_record_many([]) == 0
