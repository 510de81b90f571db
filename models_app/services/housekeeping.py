"""Forgets what has outlived its use, so that an installation does not grow for ever."""

from datetime import timedelta

from django.utils import timezone

from models_app.domain.states import OperationState, ReplicaState
from models_app.models import (
    CapturedRequest,
    Event,
    IdempotencyKey,
    Operation,
    Replica,
    SignInAttempt,
    SignInLink,
)
from models_app.selectors.instance import instance_settings
from models_app.services.host_checks import CHECK_CONNECTION, check_secrets_forget

RETIRED_LIFE = timedelta(days=7)
IDEMPOTENCY_LIFE = timedelta(days=1)
ATTEMPT_LIFE = timedelta(hours=1)
LINK_LIFE = timedelta(days=7)
CHECK_ROW_LIFE = timedelta(days=1)
OPERATION_LIFE = timedelta(days=30)
OPERATIONS_AT_ONCE = 1000  # of each minute: a table that has grown is emptied bit by bit


def prune() -> None:
    """Delete rows past their life; audit entries stay."""
    now = timezone.now()
    Event.objects.filter(at__lt=now - timedelta(days=instance_settings().events_days)).delete()
    retired = Replica.objects.filter(state=ReplicaState.RETIRED)
    retired.filter(state_since__lt=now - RETIRED_LIFE).delete()
    IdempotencyKey.objects.filter(created_at__lt=now - IDEMPOTENCY_LIFE).delete()
    SignInAttempt.objects.filter(at__lt=now - ATTEMPT_LIFE).delete()
    SignInLink.objects.filter(expires_at__lt=now - LINK_LIFE).delete()
    CapturedRequest.objects.filter(delete_at__lt=now).delete()
    check_secrets_forget()
    checks = Operation.objects.filter(kind=CHECK_CONNECTION)
    checks.filter(finished_at__lt=now - CHECK_ROW_LIFE).delete()
    finished = Operation.objects.filter(
        state__in=[state for state in OperationState if state.finished],
        finished_at__lt=now - OPERATION_LIFE,
    )
    oldest = finished.order_by("finished_at").values_list("pk", flat=True)[:OPERATIONS_AT_ONCE]
    Operation.objects.filter(pk__in=list(oldest)).delete()
