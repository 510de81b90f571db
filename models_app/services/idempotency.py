"""A POST with an `Idempotency-Key` does its work once, however often it is sent.

The key's row is written in the transaction of the work itself, so both exist or neither does: a
crash between them cannot be. A second request with the key waits for that transaction (the write
lock of SQLite, the unique index of PostgreSQL) and then reads the first one's answer.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from models_app.domain.actors import Actor
from models_app.domain.errors import ConflictError, InvalidError
from models_app.models import IdempotencyKey

KEPT = timedelta(hours=24)
KEY_LENGTH = 100


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The first request's answer; `body` is None where it held a secret that is shown once."""

    status: int
    body: str | None


def idempotency_begin(actor: Actor, *, key: str, request_hash: str) -> StoredAnswer | None:
    """Claim a key, inside the transaction of the work; the stored answer when it was used before.

    Raises InvalidError for a malformed key, ConflictError IDEMPOTENCY_MISMATCH when the key came
    with another request.
    """
    if not 0 < len(key) <= KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise InvalidError("IDEMPOTENCY_KEY_INVALID", params={"limit": KEY_LENGTH})
    if actor.user_id is None:
        return None
    IdempotencyKey.objects.filter(
        user=actor.user_id, key=key, created_at__lt=timezone.now() - KEPT
    ).delete()
    try:
        with transaction.atomic():
            IdempotencyKey.objects.create(user_id=actor.user_id, key=key, request_hash=request_hash)
    except IntegrityError:
        return _answer(actor.user_id, key, request_hash)
    return None


def idempotency_finish(actor: Actor, *, key: str, status: int, body: str | None) -> None:
    """Store the answer of the work, in the same transaction."""
    stored = "" if body is None else body
    IdempotencyKey.objects.filter(user=actor.user_id, key=key).update(status=status, body=stored)


def idempotency_prune() -> int:
    """Delete keys older than a day. For housekeeping."""
    old = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT)
    count, _ = old.delete()
    return count


def _answer(user_id: int, key: str, request_hash: str) -> StoredAnswer:
    row = IdempotencyKey.objects.get(user=user_id, key=key)
    if row.request_hash != request_hash:
        raise ConflictError("IDEMPOTENCY_MISMATCH")
    if row.status is None:
        raise ConflictError("IDEMPOTENCY_RUNNING")
    return StoredAnswer(row.status, row.body or None)
