"""Usage is stored in few queries and survives the rows it speaks of."""

import pytest
from django.utils import timezone

from models_app.models import Usage
from models_app.services.usage import UsageRecord, usage_record_many
from tests.factories import make_deployment, make_replica

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
    with django_assert_max_num_queries(8):
        assert usage_record_many(records) == 200
    row = Usage.objects.first()
    assert (row.replica, row.user, row.completion_tokens) == (replica, alice, 7)


def test_a_record_of_what_is_gone_keeps_the_rest():
    deployment = make_deployment()
    stored = usage_record_many([record(deployment.pk, 10**6, 10**6), record(10**6)])
    assert stored == 1
    row = Usage.objects.get()
    assert (row.deployment, row.replica, row.user) == (deployment, None, None)


def test_a_long_code_is_cut_to_the_column():
    deployment = make_deployment()
    usage_record_many([record(deployment.pk, status="X" * 50)])
    assert Usage.objects.get().status == "X" * 20


def test_nothing_to_store():
    assert usage_record_many([]) == 0
