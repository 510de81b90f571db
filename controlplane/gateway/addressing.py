"""Puts into a request for a replica what its server needs: a name, and the model's own settings.

A server of our own ignores the name or was given the deployment's. A shared one holds many models,
and ours under a name that says whose it is: there the name decides, so every spelling of the key
goes. Servers in Go take `MODEL` for `model`, and the last one wins: what was read of a request here
is what holds there only if no field comes in a second spelling.

Ollama answers a request that names no temperature with one of its own, whatever is set on the
model: there the model's is named.
"""

import msgspec

from models_app.domain.routes import ReplicaRoute

_top_level = msgspec.json.Decoder(dict[str, msgspec.Raw])


def addressed_to(replica: ReplicaRoute, body: bytes) -> bytes:
    """Return the body with both put in; as it came where there is nothing to put in.

    Only the top level is written anew; its values stay as they came.
    """
    if not replica.served_as and not replica.request_defaults:
        return body
    try:
        top = _top_level.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return body  # the engine refuses it in its own words
    if replica.served_as:
        top = {key: raw for key, raw in top.items() if key == key.casefold() and key != "model"}
    found: dict[str, object] = dict(top)
    if replica.served_as:
        found = {"model": replica.served_as, **found}
    named = {key.lower() for key, value in top.items() if bytes(value) != b"null"}
    missing = {key: value for key, value in replica.request_defaults if key not in named}
    return msgspec.json.encode(found | missing)
