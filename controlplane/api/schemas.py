"""What all resources share: strict input, output with ids and times, failures, bounded text.

Input forbids fields it does not know and does not guess at types: `"3"` is not a number. Output is
read from rows that selectors have loaded whole; nothing here asks the database.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Field, Schema
from pydantic import ConfigDict, StrictBool, StrictInt

from controlplane.wording.failures import failure_text

LARGEST_INT = 2**63 - 1

Name = Annotated[str, Field(max_length=48, description="Lower-case letters, digits, hyphens.")]
Ref = Annotated[str, Field(max_length=100, description="Id or name.")]
ShortText = Annotated[str, Field(max_length=200)]
LongText = Annotated[str, Field(max_length=10_000)]
Flag = StrictBool
Version = Annotated[
    StrictInt,
    Field(
        ge=1, le=LARGEST_INT, description="The version you saw; 409 STALE when it changed since."
    ),
]
Bytes = Annotated[StrictInt, Field(ge=0, le=LARGEST_INT)]


class In(Schema):
    """What a request brings; a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class VersionIn(In):
    """What an action needs at most: the version that its caller saw."""

    version: Version | None = None


class VersionQuery(Schema):
    """The same where a request has no body."""

    version: int | None = Field(None, ge=1, le=LARGEST_INT, description="The version you saw.")


class Out(Schema):
    """What an answer holds."""


class RowOut(Out):
    """What every row tells."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime

    @staticmethod
    def resolve_id(row: Any) -> Any:
        """Rows are known by their public id only."""
        return row.public_id


class MadeRowOut(Out):
    """The same where the answer is put together by hand, of more than the row."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime


class FailureOut(Out):
    """Why something is not as wished, with the engine's own last lines."""

    code: str
    detail: str
    remedies: list[str]
    figures: dict[str, Any]
    evidence: list[str]


class FieldErrorOut(Out):
    """What is wrong with one field."""

    code: str
    detail: str


class ErrorOut(Out):
    """The one shape of every error."""

    code: str
    detail: str
    fields: dict[str, FieldErrorOut]
    request_id: str
    remedy: str


def failure_of(row: Any) -> FailureOut | None:
    """Return the failure of a worked row; None when it has none."""
    if not row.failure_code:
        return None
    text = failure_text(row.failure_code, row.failure_params)
    return FailureOut(
        code=text.code,
        detail=text.sentence,
        remedies=list(text.remedies),
        figures=row.failure_params,
        evidence=row.failure_evidence,
    )


class WorkedOut(RowOut):
    """A row that the workers bring about: its failure, and when they look at it next."""

    failure: FailureOut | None
    next_action_at: datetime | None

    @staticmethod
    def resolve_failure(row: Any) -> Any:
        """Words are rendered, never stored."""
        return failure_of(row)
