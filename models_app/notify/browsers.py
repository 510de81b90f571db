"""Groups and payloads of live updates: hints only, `{type, kind, id, version}`.

The consumer re-reads the row through a selector, so a hint can be lost, doubled or late and the
page is still true. This is the only module that touches the channel layer.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TypedDict, cast
from uuid import UUID

from channels.layers import BaseChannelLayer, get_channel_layer
from django.db import transaction

from models_app.notify.relay import hints

KINDS = (
    "deployment",
    "host",
    "model",
    "operation",
    "event",
    "notice",
    "user",
    "alias",
    "gateway_key",
)
NOTICE = "notice"  # an event that is worth telling on pages that show something else

BROKER_S = 3.0  # for one call to the broker
PULSE_S = 10.0
PULSE = "pulse"


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


def publish_key_changed(key_id: str) -> None:
    """Tell every gateway, after commit, to forget what it knows of a key and to read it again.

    Here the hint's id is the part of the key's text that may be shown, as gateways know it.
    """
    hint = Hint(type="changed", kind="gateway_key", id=key_id, version=0)
    transaction.on_commit(partial(_send, hint), robust=True)


def publish_revoked(user_public_id: UUID) -> None:
    """Tell every socket of a user, after commit, to check its rights again or close."""
    hint = Hint(type="revoked", kind="user", id=str(user_public_id), version=0)
    transaction.on_commit(partial(_send, hint), robust=True)


class Listener:
    """Async code that hears hints: a socket, or the routing table. Opened by `listen`.

    Every call is bounded in time and raises what the channel layer raises when the broker is away.
    """

    def __init__(self, layer: BaseChannelLayer, channel: str) -> None:
        self._layer = layer
        self._channel = channel
        self._groups: set[str] = set()

    async def hear(self, groups: Iterable[str]) -> None:
        """Hear exactly these groups from now on."""
        wanted = set(groups)
        async with asyncio.timeout(BROKER_S):
            for group in wanted - self._groups:
                await self._layer.group_add(group, self._channel)
                self._groups.add(group)
            for group in self._groups - wanted:
                await self._layer.group_discard(group, self._channel)
                self._groups.discard(group)

    async def receive(self) -> Hint:
        """Wait for the next hint. Raises TimeoutError when the broker has gone silent.

        Hints are rare: after PULSE_S without one, a message to ourselves tells silence from loss.
        """
        hearing = asyncio.ensure_future(self._layer.receive(self._channel))
        try:
            while True:
                done, _ = await asyncio.wait({hearing}, timeout=PULSE_S)
                if not done:
                    await self._pulse()
                    done, _ = await asyncio.wait({hearing}, timeout=BROKER_S)
                if not done:
                    raise TimeoutError
                if hearing.result()["type"] != PULSE:
                    return cast("Hint", hearing.result())
                hearing = asyncio.ensure_future(self._layer.receive(self._channel))
        finally:
            if hearing.cancel():  # the layer then forgets our channel
                await asyncio.wait({hearing}, timeout=BROKER_S)

    async def _pulse(self) -> None:
        async with asyncio.timeout(BROKER_S):
            await self._layer.send(self._channel, {"type": PULSE})


@asynccontextmanager
async def listen(*groups: str) -> AsyncIterator[Listener]:
    """Open a listener to these groups. Raises what the channel layer raises."""
    layer = get_channel_layer()
    if layer is None:
        raise RuntimeError("no channel layer is configured")
    async with asyncio.timeout(BROKER_S):
        listener = Listener(layer, await layer.new_channel())
    try:
        await listener.hear(groups)
        yield listener
    finally:
        with suppress(Exception):  # the broker may be away; it forgets us by itself
            await listener.hear(())


def _send(hint: Hint) -> None:
    hints.send(partial(_group_send, hint))


async def _group_send(hint: Hint) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    message = dict(hint)
    await layer.group_send(object_group(hint["kind"], hint["id"]), message)
    await layer.group_send(list_group(hint["kind"]), message)
