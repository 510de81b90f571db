"""API tokens: one's own, and for an admin everybody's."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Status
from pydantic import StrictInt

from controlplane.api.authentication import actor_of
from controlplane.api.idempotency import shows_secret
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.schemas import In, RowOut
from models_app.selectors.people import token_get, tokens_visible
from models_app.services import tokens as services

router = Router(tags=["tokens"])


class TokenIn(In):
    """A token to be made."""

    name: str = Field(max_length=services.NAME_LENGTH)
    scopes: list[str] = Field(max_length=10, description="read, operate, admin")
    days: StrictInt | None = Field(
        None, description="Until it expires: 90, or what the settings allow, when not told."
    )


class TokenFilters(PageIn):
    """Whose tokens."""

    everybodys: bool = Field(default=False, description="Admins only.")


class TokenOut(RowOut):
    """A token; its secret is never shown again."""

    key_id: str
    name: str
    user: str
    scopes: list[str]
    expires_at: datetime | None
    last_used_at: datetime | None

    @staticmethod
    def resolve_user(row: Any) -> Any:
        """Whose it is."""
        return row.user.name


class NewTokenOut(TokenOut):
    """A token just made, with the text to send as bearer."""

    token: str


class TokenPage(PageOut):
    """One page of tokens."""

    items: list[TokenOut]


@router.get("", response=TokenPage, summary="List tokens")
def list_tokens(request: HttpRequest, filters: Query[TokenFilters]) -> dict[str, Any]:
    """Return tokens that are not revoked, newest first."""
    rows = tokens_visible(actor_of(request), everybodys=filters.everybodys)
    return page_of(rows, filters, "-id")


@router.post("", response={201: NewTokenOut}, summary="Create a token")
@shows_secret
def create_token(request: HttpRequest, payload: TokenIn, response: HttpResponse) -> Status[Any]:
    """Make a token of one's own. `token` is shown this once; keep it."""
    row, text = services.token_create(actor_of(request), **payload.model_dump())
    response["Location"] = f"{request.path}/{row.public_id}"
    out = TokenOut.from_orm(row).model_dump()
    return Status(201, NewTokenOut.model_construct(**out, token=text))


@router.get("/{token}", response=TokenOut, summary="Read a token")
def read_token(request: HttpRequest, token: str) -> Any:
    """Return one token by id or key id."""
    return token_get(actor_of(request), token)


@router.delete("/{token}", response={204: None}, summary="Revoke a token")
def revoke_token(request: HttpRequest, token: str) -> Status[None]:
    """Make a token useless at once."""
    actor = actor_of(request)
    services.token_revoke(actor, token_get(actor, token))
    return Status(204, None)
