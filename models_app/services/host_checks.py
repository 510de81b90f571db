"""Trying a connection before it is kept: an operation of the hands, never work of a web request.

The operation holds what was tried, the secret sealed and for a short time. A host that is added
from it is reached by exactly what was tried, and trusted by exactly the identity that was shown.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from models_app.domain.actors import Actor
from models_app.domain.connections import Connection, parse_connection
from models_app.domain.errors import ConflictError
from models_app.domain.identities import fingerprint
from models_app.domain.states import OperationState, Role
from models_app.models import Host, Operation
from models_app.services.credentials import check_credentials
from models_app.services.host_connections import merged_secret, place_of
from models_app.services.operations import operation_begin
from models_app.services.sealing import unseal

CHECK_CONNECTION = "check_connection"
CHECK_LIFE = timedelta(minutes=15)


@transaction.atomic
def host_check_begin(
    actor: Actor,
    *,
    runtime: str,
    connection: Mapping[str, Any],
    secret: Mapping[str, Any] | None = None,
    host: Host | None = None,
) -> Operation:
    """Try a connection. For a `host` that exists, what is left out of the secret is its own."""
    actor.require(Role.ADMIN)
    wanted = parse_connection(runtime, connection)
    given = dict(secret or {})
    stays = host is not None and place_of(wanted.stored()) == place_of(host.connection)
    if host is not None:
        given = merged_secret(host, wanted, given)
    return operation_begin(
        actor,
        CHECK_CONNECTION,
        title=host.name if host else title_of(wanted),
        host=host,
        secret=check_credentials(wanted, given),
        parameters={
            "runtime": runtime,
            "connection": wanted.stored(),
            "identity": host.identity if host is not None and stays else {},
        },
    )


def checked_reach(
    actor: Actor, check: Operation, *, trusted: str, host: Host | None = None
) -> dict[str, Any]:
    """Return what a check has tried with success, as `host_add` takes it.

    `trusted` is the fingerprint that the person confirmed. Raises ConflictError CHECK_UNUSABLE for
    a check of somebody else, a failed or an old one; IDENTITY_NOT_CONFIRMED.
    """
    is_fresh = check.finished_at is not None and timezone.now() - check.finished_at < CHECK_LIFE
    if (
        check.kind != CHECK_CONNECTION
        or check.state != OperationState.SUCCEEDED
        or check.actor_id != actor.user_id
        or check.host_id != (host.pk if host else None)
        or not is_fresh
    ):
        raise ConflictError("CHECK_UNUSABLE")
    identity = check.result.get("identity", {})
    if identity and fingerprint(identity) != trusted:
        raise ConflictError("IDENTITY_NOT_CONFIRMED", fields={"trusted": "IDENTITY_NOT_CONFIRMED"})
    return {
        "runtime": check.parameters["runtime"],
        "connection": check.parameters["connection"],
        "secret": unseal(check, "secret"),
        "identity": identity,
    }


def check_spend(check: Operation) -> None:
    """Take the secret out of a check that has served."""
    Operation.objects.filter(pk=check.pk).update(secret="")


def check_secrets_forget() -> None:
    """Take the secrets out of checks that nobody came back for."""
    old = Operation.objects.filter(created_at__lt=timezone.now() - CHECK_LIFE).exclude(secret="")
    old.update(secret="")


def title_of(connection: Connection) -> str:
    """Return where a connection leads, as one word."""
    if connection.target is not None:
        return str(connection.target)
    return str(connection.stored().get("path") or connection.runtime)
