"""Finding one row by what people and scripts write: its public id or its name."""

from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from models_app.domain.errors import NotFoundError

M = TypeVar("M", bound=Model)


def row_by_ref(rows: QuerySet[M], kind: str, ref: str | UUID, *, name_field: str = "") -> M:
    """Return the row whose public id, or else name, is `ref`. Raises NotFoundError."""
    found = None
    public_id = as_uuid(ref)
    if public_id is not None:
        found = rows.filter(public_id=public_id).first()
    if found is None and name_field:
        found = rows.filter(**{name_field: str(ref)}).first()
    if found is None:
        raise NotFoundError(params={"kind": kind, "ref": str(ref)[:100]})
    return found


def as_uuid(text: str | UUID) -> UUID | None:
    """Return the UUID that `text` writes, None when it writes none."""
    if isinstance(text, UUID):
        return text
    try:
        return UUID(text)
    except ValueError:
        return None
