"""The network that our containers are on: published ports work, nothing else gets in or out."""

import json

from models_app.domain.failures import FailureError
from workers.runtimes.docker.errors import AbsentError, TakenError
from workers.runtimes.docker.naming import INSTANCE, network_name, role_labels
from workers.runtimes.docker.transport import Client

_OPTIONS = {
    # An internal network publishes no ports; without masquerading nothing gets out either.
    "com.docker.network.bridge.enable_ip_masquerade": "false",
    "com.docker.network.bridge.enable_icc": "false",
}


def ensure_network(client: Client, instance: str) -> None:
    """Make it, if it is not there."""
    try:
        client.call("GET", f"/networks/{network_name(instance)}")
    except AbsentError:
        _make(client, instance)


def _make(client: Client, instance: str) -> None:
    name = network_name(instance)
    body = {
        "Name": name,
        "CheckDuplicate": True,
        "Driver": "bridge",
        "Options": _OPTIONS,
        "Labels": role_labels(instance, "network"),
    }
    try:
        client.call("POST", "/networks/create", body=body)
    except TakenError:
        return
    # Docker's check for duplicates is no lock: of two made at once, everybody keeps the same.
    params = {"filters": json.dumps({"label": [f"{INSTANCE}={instance}"]})}
    found = client.call("GET", "/networks", params=params)
    for extra in sorted(one["Id"] for one in found if one["Name"] == name)[1:]:
        try:
            client.call("DELETE", f"/networks/{extra}")
        except (AbsentError, TakenError, FailureError):
            continue
