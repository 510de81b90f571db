"""Groups and payloads of live updates: hints only, `{type, kind, id, version}`.

The consumer re-reads the row through a selector, so a hint can be lost, doubled or late and the
page is still true. This is the only module that touches the channel layer.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TypedDict, cast
from uuid import UUID

from channels.layers import BaseChannelLayer, get_channel_layer
from django.db import transaction

from models_app.notify.relay import relay

KINDS = ("deployment", "host", "model", "operation", "event", "user")


class Hint(TypedDict):
    """What is sent: an object of this kind changed; `version` orders hints of one object."""

    type: str
    kind: str
    id: str
    version: int


def list_group(kind: str) -> str:
    """Return the group of everyone who looks at a list of this kind."""
    return f"{kind}s"


def object_group(kind: str, public_id: UUID | str) -> str:
    """Return the group of everyone who looks at this object."""
    return f"{kind}.{public_id}"


def publish_changed(kind: str, public_id: UUID, version: int = 0) -> None:
    """Hint, after commit, that an object changed."""
    hint = Hint(type="changed", kind=kind, id=str(public_id), version=version)
    transaction.on_commit(partial(_send, hint), robust=True)


def publish_revoked(user_public_id: UUID) -> None:
    """Tell every socket of a user, after commit, to check its rights again or close."""
    hint = Hint(type="revoked", kind="user", id=str(user_public_id), version=0)
    transaction.on_commit(partial(_send, hint), robust=True)


@asynccontextmanager
async def listen(*groups: str) -> AsyncIterator[AsyncIterator[Hint]]:
    """Give the hints sent to these groups, to async code that is no socket.

    Raises what the channel layer raises when the broker is away.
    """
    layer = _layer()
    channel = await layer.new_channel()
    try:
        for group in groups:
            await layer.group_add(group, channel)
        yield _hints(layer, channel)
    finally:
        for group in groups:
            await layer.group_discard(group, channel)


async def _hints(layer: BaseChannelLayer, channel: str) -> AsyncIterator[Hint]:
    while True:
        yield cast("Hint", await layer.receive(channel))


def _layer() -> BaseChannelLayer:
    layer = get_channel_layer()
    if layer is None:
        raise RuntimeError("no channel layer is configured")
    return layer


def _send(hint: Hint) -> None:
    relay.send(partial(_group_send, hint))


async def _group_send(hint: Hint) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    message = dict(hint)
    await layer.group_send(object_group(hint["kind"], hint["id"]), message)
    await layer.group_send(list_group(hint["kind"]), message)
