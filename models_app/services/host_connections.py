"""What it takes to reach a host: connection, secret and identity, checked and kept together.

A secret belongs to the place it was given for. Whoever points a host at another address enters its
secret again, and the identity pinned for the old address is forgotten.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from models_app.domain.actors import Actor
from models_app.domain.connections import Connection, parse_connection
from models_app.domain.errors import ConflictError, InvalidError
from models_app.domain.failures import FailureCode, FailureError
from models_app.domain.host_secrets import secret_names
from models_app.domain.identities import fingerprint, parse_identity
from models_app.domain.states import HostState, Role
from models_app.models import Host
from models_app.services.credentials import check_credentials
from models_app.services.records import event
from models_app.services.sealing import seal, unseal
from models_app.services.wishes import wish

SET, NOT_SET, REPLACED = "set", "not set", "replaced"  # all that an audit row tells of a secret


def connection_fields(
    host: Host, connection: Connection, secret: Mapping[str, Any], identity: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the columns that hold how a host is reached. Raises InvalidError."""
    checked = check_credentials(connection, secret)
    return {
        "connection": connection.stored(),
        "secret": seal(host, "secret", checked),
        "identity": parse_identity(identity),
    }


@transaction.atomic
def host_reconnect(
    actor: Actor,
    host: Host,
    *,
    version: int | None,
    connection: Mapping[str, Any],
    secret: Mapping[str, Any] | None = None,
    identity: Mapping[str, Any] | None = None,
) -> Host:
    """Change how a host is reached. Empty parts of the secret keep what is there."""
    actor.require(Role.ADMIN)
    wanted = parse_connection(host.runtime, connection)
    is_elsewhere = place_of(wanted.stored()) != place_of(host.connection)
    given = {name: value for name, value in (secret or {}).items() if value}
    fields = connection_fields(
        host,
        wanted,
        merged_secret(host, wanted, given),
        identity if identity is not None else ({} if is_elsewhere else host.identity),
    )
    changes = {"connection": fields["connection"], "identity": fields["identity"]}
    noted = {
        name: [getattr(host, name), value]
        for name, value in changes.items()
        if getattr(host, name) != value
    }
    if given:
        noted["secret"] = [SET if host.secret else NOT_SET, REPLACED]
        changes["secret"] = fields["secret"]
    elif not fields["secret"]:
        changes["secret"] = ""
    if not noted:
        return host
    return wish(actor, host, "host.reconnect", version=version, changes=changes, noted=noted)


@transaction.atomic
def host_identity_accept(actor: Actor, host: Host, *, shown: str) -> Host:
    """Trust the identity that the host shows now. `shown`: the fingerprint that the admin saw."""
    actor.require(Role.ADMIN)
    host.refresh_from_db()
    found = host.failure_params.get("shown_identity", {})
    if host.failure_code != FailureCode.IDENTITY_CHANGED or fingerprint(found) != shown:
        raise ConflictError("IDENTITY_NOT_SHOWN", params={"name": host.name})
    wish(
        actor,
        host,
        "host.identity_accept",
        version=None,
        changes={"identity": parse_identity(found), "state": HostState.PENDING, "failure_code": ""},
        noted={"identity": [fingerprint(host.identity), shown]},
    )
    event(host, "host.identity_accepted", params={"by": actor.name, "fingerprint": shown})
    return host


def merged_secret(host: Host, wanted: Connection, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole secret: what was given, on top of what may stay.

    Raises InvalidError SECRET_INVALID when the address is another one and nothing was given.
    """
    given = {name: value for name, value in given.items() if value}
    names = {name for group in secret_names(wanted) for name in group}
    if not host.secret or not names:
        return given
    if place_of(wanted.stored()) != place_of(host.connection):
        if not given:
            raise InvalidError("SECRET_INVALID", fields={"secret": "SECRET_ASKED_AGAIN"})
        return given
    if "bearer" in given or {"username", "password"} <= set(given):
        return given  # one kind of credential takes the other's place
    try:
        kept = unseal(host, "secret")
    except FailureError:
        return given  # it cannot be read: then all of it must be given
    return {name: value for name, value in kept.items() if name in names} | given


def place_of(connection: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what says where a secret goes."""
    return tuple(connection.get(name) for name in ("transport", "address", "user", "url"))
