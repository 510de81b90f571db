"""Changes of the installation's rules, by admins alone; each field leaves its before and after."""

import ipaddress
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from models_app.domain.actors import Actor
from models_app.domain.errors import InvalidError
from models_app.domain.states import Role
from models_app.models import InstanceSettings
from models_app.models.instance import ONLY
from models_app.services.records import audit, before_and_after, hold, lock_version
from models_app.services.tokens import LONGEST_DAYS

RANGES = {"metrics_days": (1, 30), "events_days": (7, 730), "token_days": (1, LONGEST_DAYS)}
NETWORKS_LIMIT = 20
FIELDS = {*RANGES, "fetch_networks", "shows_test_engines"}


@transaction.atomic
def instance_settings_edit(
    actor: Actor, *, version: int | None, **changes: Any
) -> InstanceSettings:
    """Change rules; what is not named stays. Raises ConflictError STALE, InvalidError."""
    actor.require(Role.ADMIN)
    unknown = set(changes) - FIELDS
    if unknown:
        raise InvalidError("FIELD_UNKNOWN", fields=dict.fromkeys(unknown, "FIELD_UNKNOWN"))
    checked = {name: _checked(name, value) for name, value in changes.items()}
    row, is_new = InstanceSettings.objects.get_or_create(pk=ONLY)
    hold(row, version)
    difference = before_and_after(row, checked)
    if not difference and not is_new:
        return row
    lock_version(row, None)
    for name, value in checked.items():
        setattr(row, name, value)
    row.save()
    audit(actor, "settings.edit", row, difference)
    return row


def _checked(name: str, value: Any) -> Any:
    if name == "fetch_networks":
        return _networks(value)
    if name == "shows_test_engines":
        return bool(value)
    low, high = RANGES[name]
    if not isinstance(value, int) or not low <= value <= high:
        raise InvalidError("VALUE_OUT_OF_RANGE", fields={name: "VALUE_OUT_OF_RANGE"})
    return value


def _networks(texts: Sequence[str]) -> list[str]:
    """Return private networks, written in one way. Raises InvalidError NETWORK_INVALID."""
    found = []
    for text in texts:
        try:
            network = ipaddress.ip_network(str(text).strip())
        except ValueError:
            raise _refused(text) from None
        if not network.is_private or network.prefixlen == 0:
            raise _refused(text)
        found.append(str(network))
    if len(found) > NETWORKS_LIMIT:
        raise InvalidError("VALUE_OUT_OF_RANGE", fields={"fetch_networks": "VALUE_OUT_OF_RANGE"})
    return list(dict.fromkeys(found))


def _refused(text: object) -> InvalidError:
    return InvalidError(
        "NETWORK_INVALID",
        params={"network": str(text)[:60]},
        fields={"fetch_networks": "NETWORK_INVALID"},
    )
