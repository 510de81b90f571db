"""The user who asks: what they are and may do, their profile, their password."""

from django.http import HttpRequest
from ninja import Field, Router, Status
from pydantic import SecretStr

from controlplane.api.authentication import actor_of
from controlplane.api.routers.users import UserOut
from controlplane.api.schemas import In
from controlplane.sessions import session_keep
from models_app.domain.states import Role
from models_app.models import User
from models_app.selectors.people import user_of
from models_app.services.passwords import password_change
from models_app.services.people import profile_edit, user_sign_out_everywhere

router = Router(tags=["me"])


class ProfileIn(In):
    """What one may change of oneself; what is left out stays."""

    display_name: str | None = Field(None, max_length=100)
    language: str | None = Field(None, max_length=5, description="en, it, or empty")
    theme: str | None = Field(None, max_length=5, description="light, dark, or empty")


class PasswordIn(In):
    """The password now, and the one to come."""

    current: SecretStr
    new: SecretStr


class MeOut(UserOut):
    """Oneself, and what this session or token may do."""

    role_now: Role = Field(description="Narrower than `role` when a token's scopes are.")


@router.get("", response=MeOut, summary="Read oneself")
def read_me(request: HttpRequest) -> MeOut:
    """Return who asks."""
    return _me(request)


@router.patch("", response=MeOut, summary="Edit one's profile")
def edit_me(request: HttpRequest, payload: ProfileIn) -> MeOut:
    """Change display name, language or theme; null clears."""
    changes = payload.model_dump(exclude_unset=True)
    profile_edit(actor_of(request), **{name: value or "" for name, value in changes.items()})
    return _me(request)


@router.post("/password", response={204: None}, summary="Change one's password")
def change_password(request: HttpRequest, payload: PasswordIn) -> Status[None]:
    """Change one's password; every other session ends."""
    user = password_change(
        actor_of(request),
        current=payload.current.get_secret_value(),
        new=payload.new.get_secret_value(),
    )
    if isinstance(request.user, User):
        session_keep(request, user)
    return Status(204, None)


@router.post("/sign-out", response=MeOut, summary="Sign out everywhere")
def sign_me_out(request: HttpRequest) -> MeOut:
    """End every other session of one's own; API tokens stay."""
    actor = actor_of(request)
    user = user_sign_out_everywhere(actor, user_of(actor))
    if isinstance(request.user, User):
        session_keep(request, user)
    return _me(request)


def _me(request: HttpRequest) -> MeOut:
    actor = actor_of(request)
    out = UserOut.from_orm(user_of(actor)).model_dump()
    return MeOut.model_construct(**out, role_now=actor.role)
