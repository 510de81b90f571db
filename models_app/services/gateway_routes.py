"""The routing table with what it takes to get in at servers that others own.

Credentials live in the memory of the gateway's process only, and never in a repr or a log.
"""

from collections.abc import Collection
from dataclasses import replace

from models_app.domain.doors import Door, authorization_of
from models_app.domain.failures import FailureError
from models_app.domain.identities import CERTIFICATE
from models_app.domain.routes import DeploymentRoute
from models_app.models import Host
from models_app.selectors.routes import routes
from models_app.services.sealing import unseal


def routes_with_doors(only: Collection[str] | None = None) -> list[DeploymentRoute]:
    """Return the routes of all deployments, or of those with the public ids `only`."""
    found = routes(only)
    shared = {replica.host for route in found for replica in route.replicas if replica.served_as}
    if not shared:
        return found
    doors = {host.name: _door(host) for host in Host.objects.filter(name__in=shared)}
    return [_opened(route, doors) for route in found]


def _door(host: Host) -> Door:
    try:
        secret = unseal(host, "secret")
    except FailureError:
        secret = {}  # the hands tell that it cannot be read; requests are refused by the server
    return Door(authorization_of(secret), host.identity.get(CERTIFICATE, ""))


def _opened(route: DeploymentRoute, doors: dict[str, Door]) -> DeploymentRoute:
    replicas = (
        replace(replica, door=doors.get(replica.host, replica.door))
        if replica.served_as
        else replica
        for replica in route.replicas
    )
    return replace(route, replicas=tuple(replicas))
