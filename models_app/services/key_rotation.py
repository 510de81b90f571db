"""Encrypts every secret anew under a new key, while everything goes on working."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from models_app.domain.key_ring import Key, new_key
from models_app.models import Host, Operation
from models_app.models.base import Row
from models_app.services.sealing import is_sealed_by, read_ring, seal, unseal, write_ring

SEALED: tuple[tuple[type[Row], str], ...] = ((Host, "secret"), (Operation, "secret"))
BATCH = 200


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did. `unreadable` rows keep what they have; their keys are kept too."""

    key_id: str
    sealed_anew: int
    unreadable: tuple[str, ...]
    keys: int


def key_add() -> Key:
    """Put a new key first: it encrypts from now on, the others still decrypt."""
    key = new_key()
    write_ring([key, *read_ring()])
    return key


def secrets_seal_anew() -> Rotation:
    """Encrypt with the first key what another key has encrypted."""
    done, unreadable = 0, []
    for model, column in SEALED:
        for row_id in _sealed_by_older(model, column):
            try:
                done += _seal_anew(model, column, row_id)
            except Exception:  # noqa: BLE001 - one unreadable row must not stop the others
                unreadable.append(f"{model._meta.model_name} {row_id}")
    ring = read_ring()
    return Rotation(ring[0].id, done, tuple(unreadable), len(ring))


def keys_retire() -> int:
    """Drop the keys under which nothing lies any more, the first one apart; return how many.

    Never in the run that added a key: a process that had read the ring before may still be writing.
    """
    ring = read_ring()
    used = {kept.partition(".")[0] for kept in _all_sealed()}
    kept = [key for key in ring if key is ring[0] or key.id in used]
    if len(kept) < len(ring):
        write_ring(kept)
    return len(ring) - len(kept)


def _all_sealed() -> Iterator[str]:
    for model, column in SEALED:
        rows = model._default_manager.exclude(**{column: ""})
        yield from rows.values_list(column, flat=True).iterator(BATCH)


def _sealed_by_older(model: type[Row], column: str) -> list[int]:
    rows = model._default_manager.exclude(**{column: ""})
    rows = rows.exclude(**{f"{column}__startswith": f"{read_ring()[0].id}."})
    return list(rows.values_list("pk", flat=True))


@transaction.atomic
def _seal_anew(model: type[Row], column: str, row_id: int) -> int:
    row = model._default_manager.filter(pk=row_id).first()
    before = getattr(row, column, "")
    if row is None or not before or is_sealed_by(before, read_ring()[0]):
        return 0
    sealed = seal(row, column, unseal(row, column))
    # Only if nobody wrote another secret meanwhile; that one is under the first key already.
    rows = model._default_manager.filter(pk=row_id, **{column: before})
    return rows.update(**{column: sealed})
