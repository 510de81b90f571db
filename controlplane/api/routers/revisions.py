"""Revisions of a deployment: what it was wished to be, made anew and rolled back."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Status
from pydantic import StrictInt

from controlplane.api.authentication import actor_of
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.schemas import In, Name, Out, Ref, ShortText, Version
from models_app.models import Revision
from models_app.selectors.deployments import deployment_get, revision_get, revisions_visible
from models_app.selectors.language_models import artifact_get
from models_app.services import deployments as services

router = Router(tags=["deployments"])


class LabelRuleIn(In):
    """One rule about a label; exactly one of its fields is given."""

    is_in: list[str] | None = Field(None, alias="in", description="One of these.")
    not_in: list[str] | None = Field(None, description="None of these, or no such label.")
    exists: bool | None = Field(None, description="There is such a label, or there is none.")


class PlacementRuleIn(In):
    """Where replicas may run; empty is anywhere."""

    hosts: list[Name] | None = Field(None, max_length=1000)
    selector: dict[str, str | LabelRuleIn] | None = Field(
        None,
        description="Rules about a host's labels: its own, or gpu, runtime, architecture. A text "
        "is what the label must be.",
    )
    policy: Literal["spread", "pack"] | None = None
    apart: Literal["any", "prefer", "require"] | None = Field(
        None, description="May two replicas share a host? `require` leaves one waiting instead."
    )

    def as_wished(self) -> dict[str, Any]:
        """Return the rule as revisions hold it."""
        return self.model_dump(exclude_none=True, by_alias=True)


class RevisionIn(In):
    """A new revision; what is left out stays as it is wished now."""

    version: Version | None = None
    artifact: Ref | None = Field(None, description="Id or sha256.")
    engine: str | None = Field(None, max_length=20)
    parameters: dict[str, Any] | None = None
    placement: PlacementRuleIn | None = None
    comment: ShortText = ""


class RollBackIn(In):
    """Which revision to wish for again."""

    version: Version | None = None
    number: StrictInt = Field(ge=1, le=2**31 - 1)


class RevisionOut(Out):
    """One immutable version of a wish."""

    id: UUID
    number: int
    engine: str
    model: str
    artifact: UUID
    file_name: str
    parameters: dict[str, Any]
    placement: dict[str, Any]
    comment: str
    created_at: datetime

    @staticmethod
    def resolve_id(row: Any) -> Any:
        """The public id."""
        return row.public_id

    @staticmethod
    def resolve_model(row: Any) -> Any:
        """The model's name."""
        return row.artifact.model.name

    @staticmethod
    def resolve_artifact(row: Any) -> Any:
        """The artifact's id."""
        return row.artifact.public_id

    @staticmethod
    def resolve_file_name(row: Any) -> Any:
        """The artifact's file."""
        return row.artifact.file_name


class AuthoredRevisionOut(RevisionOut):
    """A revision with who wished for it."""

    by: str | None

    @staticmethod
    def resolve_by(row: Any) -> Any:
        """Null is Slipway itself, or somebody who has gone."""
        return row.created_by.name if row.created_by else None


class RevisionPage(PageOut):
    """One page of revisions."""

    items: list[AuthoredRevisionOut]


@router.get("/{deployment}/revisions", response=RevisionPage, summary="List revisions")
def list_revisions(request: HttpRequest, deployment: str, filters: Query[PageIn]) -> dict[str, Any]:
    """Return the revisions of a deployment, newest first."""
    actor = actor_of(request)
    return page_of(revisions_visible(actor, deployment_get(actor, deployment)), filters, "-id")


@router.post(
    "/{deployment}/revisions", response={202: AuthoredRevisionOut}, summary="Edit a deployment"
)
def create_revision(
    request: HttpRequest, deployment: str, payload: RevisionIn, response: HttpResponse
) -> Status[Revision]:
    """Wish for a new revision; running copies roll over to it one by one and keep serving."""
    actor = actor_of(request)
    row = deployment_get(actor, deployment)
    revision = services.deployment_revise(
        actor,
        row,
        version=payload.version,
        engine=payload.engine,
        artifact=artifact_get(actor, payload.artifact) if payload.artifact else None,
        parameters=payload.parameters,
        placement=payload.placement.as_wished() if payload.placement else None,
        comment=payload.comment,
    )
    response["Location"] = f"{request.path}/{revision.number}"
    return Status(202, revision_get(actor, row, revision.number))


@router.get(
    "/{deployment}/revisions/{int:number}", response=AuthoredRevisionOut, summary="Read a revision"
)
def read_revision(request: HttpRequest, deployment: str, number: int) -> Revision:
    """Return one revision by its number."""
    actor = actor_of(request)
    return revision_get(actor, deployment_get(actor, deployment), min(number, 2**31 - 1))


@router.post(
    "/{deployment}/roll-back", response={202: AuthoredRevisionOut}, summary="Roll a deployment back"
)
def roll_back_deployment(
    request: HttpRequest, deployment: str, payload: RollBackIn
) -> Status[Revision]:
    """Wish for an older revision again."""
    actor = actor_of(request)
    row = deployment_get(actor, deployment)
    services.deployment_roll_back(actor, row, version=payload.version, number=payload.number)
    return Status(202, revision_get(actor, row, payload.number))
