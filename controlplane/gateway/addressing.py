"""Puts the name that a replica's server knows the model by into a request for it.

A server of our own ignores the name or was given the deployment's. A shared one holds many models,
and ours under a name that says whose it is: there the name decides, so every spelling of the key
goes. Servers in Go take `MODEL` for `model`, and the last one wins.
"""

import msgspec

from models_app.domain.routes import ReplicaRoute

_top_level = msgspec.json.Decoder(dict[str, msgspec.Raw])


def addressed_to(replica: ReplicaRoute, body: bytes) -> bytes:
    """Return the body with that name as its `model`; as it came where there is none to put in.

    Only the top level is written anew; its values stay as they came.
    """
    if not replica.served_as:
        return body
    try:
        top = _top_level.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return body  # the engine refuses it in its own words
    others = {key: value for key, value in top.items() if key.lower() != "model"}
    return msgspec.json.encode({"model": replica.served_as, **others})
