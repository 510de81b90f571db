"""The network that our containers are on: published ports work, nothing else gets in or out."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from models_app.domain.failures import FailureError
from workers.runtimes.docker.errors import AbsentError, TakenError
from workers.runtimes.docker.naming import network_name, role_labels
from workers.runtimes.docker.transport import Client

_OPTIONS = {
    # An internal network publishes no ports; without masquerading nothing gets out either.
    "com.docker.network.bridge.enable_ip_masquerade": "false",
    "com.docker.network.bridge.enable_icc": "false",
}


def ensure_network(client: Client, instance: str) -> None:
    """Make it, if it is not there; of two that were made at once, keep the older."""
    found = _existing(client, instance)
    if not found:
        _make(client, instance)
        found = _existing(client, instance)
    # Docker's check for duplicates is no lock. While there are two, their name is refused
    # everywhere, so nothing can have joined the newer.
    for extra in found[1:]:
        try:
            client.call("DELETE", f"/networks/{extra['Id']}")
        except (AbsentError, TakenError, FailureError):
            continue


def _existing(client: Client, instance: str) -> list[Mapping[str, Any]]:
    """Return the networks of our name, the oldest first."""
    name = network_name(instance)
    found = client.call("GET", "/networks", params={"filters": json.dumps({"name": [name]})})
    same = [one for one in found if one["Name"] == name]  # Docker's filter matches parts too
    return sorted(same, key=lambda one: (one["Created"], one["Id"]))


def _make(client: Client, instance: str) -> None:
    body = {
        "Name": network_name(instance),
        "CheckDuplicate": True,
        "Driver": "bridge",
        "Options": _OPTIONS,
        "Labels": role_labels(instance, "network"),
    }
    with suppress(TakenError):
        client.call("POST", "/networks/create", body=body)
