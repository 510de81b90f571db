"""The rules of this installation, for admins; and its version."""

from typing import Any

from django.http import HttpRequest
from ninja import Field, Router
from pydantic import StrictBool, StrictInt

from controlplane.api.authentication import actor_of
from controlplane.api.schemas import In, Out, Version
from controlplane.version import VERSION
from models_app.domain.states import Role
from models_app.selectors.instance import instance_settings
from models_app.services.instance import instance_settings_edit

router = Router(tags=["settings"])


class SettingsIn(In):
    """What may change; what is left out stays."""

    version: Version | None = None
    metrics_days: StrictInt | None = Field(None, ge=1, le=30)
    events_days: StrictInt | None = Field(None, ge=7, le=730)
    token_days: StrictInt | None = Field(None, ge=1, le=365)
    fetch_networks: list[str] | None = Field(None, max_length=20)
    shows_test_engines: StrictBool | None = None


class SettingsOut(Out):
    """The rules as they stand. What the environment sets at a start is not among them."""

    version: int
    software_version: str
    metrics_days: int
    events_days: int
    token_days: int
    fetch_networks: list[str]
    shows_test_engines: bool


@router.get("", response=SettingsOut, summary="Read the settings")
def read_settings(request: HttpRequest) -> dict[str, Any]:
    """Return the rules of this installation."""
    actor_of(request).require(Role.ADMIN)
    return _out(instance_settings())


@router.patch("", response=SettingsOut, summary="Edit the settings")
def edit_settings(request: HttpRequest, payload: SettingsIn) -> dict[str, Any]:
    """Change rules; each change is in the audit log."""
    changes = payload.model_dump(exclude_unset=True)
    version = changes.pop("version", None)
    changes = {name: value for name, value in changes.items() if value is not None}
    return _out(instance_settings_edit(actor_of(request), version=version, **changes))


def _out(row: Any) -> dict[str, Any]:
    shown = set(SettingsOut.model_fields) - {"software_version"}
    return {name: getattr(row, name) for name in shown} | {"software_version": VERSION}
