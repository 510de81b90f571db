"""Users: for admins all of them, for everybody else oneself."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Field, Query, Router, Status
from pydantic import SecretStr, StrictInt

from controlplane.api.authentication import actor_of
from controlplane.api.idempotency import shows_secret
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.schemas import Flag, In, Name, Out, RowOut, Version, VersionQuery
from controlplane.sign_in_address import sign_in_address
from models_app.domain.errors import InvalidError
from models_app.domain.states import Role
from models_app.models import User
from models_app.selectors.people import user_get, users_visible
from models_app.services import people as services
from models_app.services.sign_in import LINK_MINUTES, link_create

router = Router(tags=["users"])


class UserIn(In):
    """A user to be added. Without a password they come in by a sign-in link and choose one."""

    name: Name
    role: Role
    display_name: str = Field("", max_length=100)
    password: SecretStr | None = None


class UserEditIn(In):
    """What an admin may change of a user; what is left out stays."""

    version: Version | None = None
    role: Role | None = None
    is_active: Flag | None = None
    display_name: str | None = Field(None, max_length=100)


class LinkIn(In):
    """How long a sign-in link works."""

    minutes: StrictInt = LINK_MINUTES


class UserFilters(PageIn):
    """Which users."""

    role: Role | None = None
    search: str = Field("", max_length=100)


class UserOut(RowOut):
    """A user; no secret of theirs is ever sent."""

    name: str
    display_name: str
    role: Role
    is_active: bool
    is_set_up: bool
    language: str
    theme: str
    last_login: datetime | None


class UserPage(PageOut):
    """One page of users."""

    items: list[UserOut]


class LinkOut(Out):
    """A sign-in link that works once, until then."""

    address: str
    expires_at: datetime


@router.get("", response=UserPage, summary="List users")
def list_users(request: HttpRequest, filters: Query[UserFilters]) -> dict[str, Any]:
    """Return users by name."""
    rows = users_visible(actor_of(request), role=filters.role, search=filters.search)
    return page_of(rows, filters, "name")


@router.post("", response={201: UserOut}, summary="Add a user")
def add_user(request: HttpRequest, payload: UserIn, response: HttpResponse) -> Status[User]:
    """Add a user (admin)."""
    row = services.user_create(
        actor_of(request),
        name=payload.name,
        role=payload.role,
        display_name=payload.display_name,
        password=payload.password.get_secret_value() if payload.password else None,
    )
    response["Location"] = f"{request.path}/{row.public_id}"
    return Status(201, row)


@router.get("/{user}", response=UserOut, summary="Read a user")
def read_user(request: HttpRequest, user: str) -> User:
    """Return one user by id or name."""
    return user_get(actor_of(request), user)


@router.patch("/{user}", response=UserOut, summary="Edit a user")
def edit_user(request: HttpRequest, user: str, payload: UserEditIn) -> User:
    """Change role, display name, or whether they may sign in (admin). The last admin stays."""
    actor = actor_of(request)
    changes = payload.model_dump(exclude_unset=True, exclude={"version"})
    empty = [field for field, value in changes.items() if value is None]
    if empty:
        raise InvalidError(fields=dict.fromkeys(empty, "WRONG_TYPE"))
    return services.user_edit(actor, user_get(actor, user), version=payload.version, **changes)


@router.delete("/{user}", response={204: None}, summary="Delete a user")
def delete_user(request: HttpRequest, user: str, query: Query[VersionQuery]) -> Status[None]:
    """Remove a user with tokens and chats (admin)."""
    actor = actor_of(request)
    services.user_delete(actor, user_get(actor, user), version=query.version)
    return Status(204, None)


@router.post("/{user}/sign-in-link", response={201: LinkOut}, summary="Make a sign-in link")
@shows_secret
def create_link(request: HttpRequest, user: str, payload: LinkIn | None = None) -> Status[LinkOut]:
    """Make a link that signs the user in once (admin); earlier ones stop working."""
    actor = actor_of(request)
    minutes = payload.minutes if payload else LINK_MINUTES
    secret = link_create(user_get(actor, user), minutes=minutes, actor=actor)
    return Status(
        201,
        LinkOut(
            address=settings.PUBLIC_URL + sign_in_address(secret),
            expires_at=timezone.now() + timedelta(minutes=minutes),
        ),
    )


@router.post("/{user}/sign-out", response=UserOut, summary="End a user's sessions")
def sign_user_out(request: HttpRequest, user: str) -> User:
    """End every session of a user, or of oneself; API tokens stay."""
    actor = actor_of(request)
    return services.user_sign_out_everywhere(actor, user_get(actor, user))
