"""Puts the name that a replica's server knows the model by into a request for it.

A server of our own ignores the name or was given the deployment's. A shared one holds many models,
and ours under a name that says whose it is.
"""

import json

from models_app.domain.routes import ReplicaRoute


def addressed_to(replica: ReplicaRoute, body: bytes) -> bytes:
    """Return the body with that name as its `model`; as it came where there is none to put in."""
    if not replica.served_as:
        return body
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return body  # the engine refuses it in its own words
    if not isinstance(asked, dict):
        return body
    return json.dumps(asked | {"model": replica.served_as}, ensure_ascii=False).encode()
