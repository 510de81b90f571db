"""Takes what is ours off a host that is being forgotten: helper, kept output, network, volume.

Workloads are not touched: one that still runs was not ended by whoever knows it, and is told.
Images stay, they are the engine's own store. What cannot be taken away is told, never forced.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from models_app.domain.failures import FailureError
from workers.runtimes.docker.errors import AbsentError, TakenError
from workers.runtimes.docker.naming import (
    INSTANCE,
    PREVIOUS,
    ROLE,
    helper_name,
    is_ours,
    network_name,
    volume_name,
)
from workers.runtimes.docker.transport import Client

_STOPPED = frozenset({"created", "exited", "dead"})


def leave(client: Client, instance: str) -> list[str]:
    """Take away what can be; return the names of what is left."""
    filters = {"filters": json.dumps({"label": [f"{INSTANCE}={instance}"]})}
    found = client.call("GET", "/containers/json", params={"all": "true", **filters})
    left = [name for one in found if _is_ours(one, instance) for name in _of_container(client, one)]
    for one in client.call("GET", "/networks", params=filters):
        left += _gone(client, f"/networks/{one['Id']}", one["Name"])
    for one in client.call("GET", "/volumes", params=filters)["Volumes"] or ():
        left += _gone(client, f"/volumes/{one['Name']}", one["Name"])
    # Docker labels no volume that a mount has made: it is known by its name.
    return left + _gone(client, f"/volumes/{volume_name(instance)}", volume_name(instance))


def present(client: Client, instance: str) -> frozenset[str]:
    """Return what of ours a look at the machine makes, and is there already."""
    paths = {
        helper_name(instance): f"/containers/{helper_name(instance)}/json",
        volume_name(instance): f"/volumes/{volume_name(instance)}",
    }
    return frozenset(name for name, path in paths.items() if _is_there(client, path))


def undo(client: Client, instance: str, before: Collection[str]) -> None:
    """Take away what a look at the machine has made since `present` was asked."""
    helper, volume = helper_name(instance), volume_name(instance)
    if helper not in before:
        try:
            found = client.call("GET", f"/containers/{helper}/json")
        except AbsentError:
            found = None
        if found and is_ours(found["Config"]["Labels"], found["Mounts"], instance):
            _gone(client, f"/containers/{found['Id']}?force=true&v=true", helper)
    if volume not in before:
        _gone(client, f"/volumes/{volume}", volume)


def _is_there(client: Client, path: str) -> bool:
    try:
        client.call("GET", path)
    except AbsentError:
        return False
    return True


def names(instance: str) -> list[str]:
    """Return what may lie on a host that could not be asked."""
    return [helper_name(instance), network_name(instance), volume_name(instance)]


def _is_ours(entry: Mapping[str, Any], instance: str) -> bool:
    return is_ours(entry["Labels"], entry["Mounts"], instance)


def _of_container(client: Client, entry: Mapping[str, Any]) -> Iterator[str]:
    name = str((entry["Names"] or ["/"])[0]).removeprefix("/")
    is_kept = ROLE in (entry["Labels"] or {}) or name.endswith(PREVIOUS)
    if not is_kept and entry["State"] not in _STOPPED:
        yield name
        return
    yield from _gone(client, f"/containers/{entry['Id']}?force=true&v=true", name)


def _gone(client: Client, path: str, name: str) -> list[str]:
    try:
        client.call("DELETE", path)
    except AbsentError:
        return []
    except (TakenError, FailureError):
        return [name]
    return []
