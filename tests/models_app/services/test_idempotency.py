from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from models_app.domain.errors import ConflictError, InvalidError
from models_app.models import IdempotencyKey, User
from models_app.services.idempotency import (
    StoredAnswer,
    idempotency_begin,
    idempotency_finish,
    idempotency_prune,
)
from tests.factories import actor_of


def test_the_second_time_the_first_answer_comes_back(bob: User, charlie: User) -> None:
    actor = actor_of(bob)
    assert idempotency_begin(actor, key="k", request_hash="h") is None
    with pytest.raises(ConflictError, match="IDEMPOTENCY_RUNNING"):
        idempotency_begin(actor, key="k", request_hash="h")
    idempotency_finish(actor, key="k", status=201, body='{"a":1}')
    stored = idempotency_begin(actor, key="k", request_hash="h")
    assert stored == StoredAnswer(201, '{"a":1}')
    with pytest.raises(ConflictError, match="IDEMPOTENCY_MISMATCH"):
        idempotency_begin(actor, key="k", request_hash="other")
    assert idempotency_begin(actor_of(charlie), key="k", request_hash="other") is None


def test_work_that_is_rolled_back_leaves_no_key(bob: User) -> None:
    with transaction.atomic():
        idempotency_begin(actor_of(bob), key="k", request_hash="h")
        transaction.set_rollback(True)
    assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize("key", ["", "x" * 101, "ü", "a\nb"])
def test_a_malformed_key_is_refused(bob: User, key: str) -> None:
    with pytest.raises(InvalidError, match="IDEMPOTENCY_KEY_INVALID"):
        idempotency_begin(actor_of(bob), key=key, request_hash="h")


def test_keys_live_a_day(bob: User) -> None:
    idempotency_begin(actor_of(bob), key="k", request_hash="h")
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert idempotency_begin(actor_of(bob), key="k", request_hash="other") is None
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert idempotency_prune() == 1
