"""What every socket does alike: who may open it, how much it may take, when it must close.

Close codes: 4400 a frame that is none, 4401 signed out, 4403 not allowed any more, 4404 not found,
4429 too many sockets or frames, 1009 a frame too large, 1011 our own fault.
"""

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import Coroutine
from typing import Any, ClassVar, cast

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer

from controlplane.actors import actor_of_user, address_of_scope
from controlplane.live.limits import FRAME_BYTES, FrameBudget, SocketCount
from controlplane.live.rights import signed_in, user_now
from models_app.domain.actors import Actor
from models_app.domain.states import Role
from models_app.models import User
from models_app.notify import browsers

log = logging.getLogger(__name__)

BAD_FRAME, SIGNED_OUT, NOT_ALLOWED, NOT_FOUND, TOO_MANY = 4400, 4401, 4403, 4404, 4429
TOO_LARGE, OUR_FAULT = 1009, 1011
BEAT_S = 20.0
RIGHTS_S = 30.0
RETRY_S = 2.0

_sockets = SocketCount()


class GuardedSocket(AsyncWebsocketConsumer):
    """A socket of one signed-in person.

    Subclasses take `on_open`, `on_frame` and `on_hint`, and name the groups they hear in
    `groups_wanted`. Every frame out carries the socket's epoch and the next number.
    """

    channel_layer_alias = "none"  # hints come through `browsers.listen`: the broker may be away
    role: ClassVar[Role] = Role.VIEWER

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.epoch = secrets.token_hex(4)
        self.actor: Actor
        self.user: User
        self.hints_come = False
        self._sequence = 0
        self._budget = FrameBudget()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: browsers.Listener | None = None
        self._counted = False
        self._closed = False

    # --- what subclasses take ------------------------------------------------------------------

    async def on_open(self) -> None:
        """The socket is open."""

    async def on_frame(self, frame: dict[str, Any]) -> None:
        """A frame came: a JSON object. Must not wait for anything slow."""

    async def on_hint(self, hint: browsers.Hint) -> None:
        """An object of a group we hear changed."""

    async def on_hints_come(self) -> None:
        """Hints come again, or do not any more: see `hints_come`. Some may have been lost."""

    def groups_wanted(self) -> set[str]:
        """Return the groups to hear, besides the person's own."""
        return set()

    # --- opening and closing -------------------------------------------------------------------

    async def websocket_connect(self, message: Any) -> None:
        """Refuse strangers before the handshake, and too many sockets after it, with a code."""
        user = signed_in(self.scope.get("user"))
        if user is None or not Role(user.role).allows(self.role):
            await self.close()
            raise StopConsumer
        self._is(user)
        await self.accept()
        self._counted = _sockets.enter(user.pk)
        if not self._counted:
            await self.close(TOO_MANY)
            return
        for work in (self._beat(), self._watch_rights(), self._follow_hints()):
            self.spawn(work)
        await self.on_open()

    async def websocket_disconnect(self, message: Any) -> None:
        """The other side has gone."""
        self._closed = True
        raise StopConsumer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket; however that ends, everything that worked for it ends too."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._closed = True
            if self._counted:
                _sockets.leave(self.user.pk)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self, code: Any = None, reason: str | None = None) -> None:
        """Close once; later closes, of tasks that end at the same time, do nothing."""
        if not self._closed:
            self._closed = True
            await super().close(code, reason)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work for as long as the socket is open; if it breaks, the socket says so."""
        task = asyncio.create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            log.exception("a socket's work broke")
            await self.close(OUR_FAULT)

    def _is(self, user: User) -> None:
        address = address_of_scope(cast("dict[str, Any]", self.scope))
        self.user, self.actor = user, actor_of_user(user, via="live", address=address)

    # --- frames --------------------------------------------------------------------------------

    async def websocket_receive(self, message: Any) -> None:
        """Take one frame, within the limits."""
        text = message.get("text")
        if self._closed:
            return
        if text is not None and len(text.encode()) > FRAME_BYTES:
            await self.close(TOO_LARGE)
        elif not self._budget.spend():
            await self.close(TOO_MANY)
        elif (frame := _parse(text)) is None:
            await self.close(BAD_FRAME)
        else:
            await self.on_frame(frame)

    async def send_frame(self, type_: str, /, **content: Any) -> None:
        """Send one frame; a socket that has closed meanwhile takes none."""
        if self._closed:
            return
        self._sequence += 1
        frame = {"type": type_, "epoch": self.epoch, "seq": self._sequence, **content}
        with contextlib.suppress(RuntimeError, OSError):  # the server saw the end before us
            await self.send(text_data=json.dumps(frame, separators=(",", ":")))

    def new_epoch(self) -> None:
        """Number the frames from one again: what the other side has counts no more."""
        self.epoch = secrets.token_hex(4)
        self._sequence = 0

    # --- the work of every socket --------------------------------------------------------------

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            await self.send_frame("beat")

    async def _watch_rights(self) -> None:
        while True:
            await asyncio.sleep(RIGHTS_S)
            await self.check_rights()

    async def check_rights(self) -> None:
        """Read the person's rights again; close when nothing of them is left.

        A new role or password ends every session of the person, and so every socket, with 4401.
        """
        user = await user_now(self.scope)
        if user is None:
            await self.close(SIGNED_OUT)
        elif not Role(user.role).allows(self.role):
            await self.close(NOT_ALLOWED)
        else:
            self._is(user)

    async def hear_groups(self) -> None:
        """Hear what `groups_wanted` says now."""
        if self._listener is not None:
            own = browsers.object_group("user", self.user.public_id)
            await self._listener.hear({own, *self.groups_wanted()})

    async def _follow_hints(self) -> None:
        while True:
            try:
                async with browsers.listen() as self._listener:
                    await self.hear_groups()
                    await self._say_hints(come=True)
                    while True:
                        await self._take_hint(await self._listener.receive())
            except Exception as error:  # noqa: BLE001 - the page lives on without hints
                log.warning("a socket gets no hints: %s", error)
            finally:
                self._listener = None
            await self._say_hints(come=False)
            await asyncio.sleep(RETRY_S)

    async def _take_hint(self, hint: browsers.Hint) -> None:
        if hint["type"] == "revoked":
            await self.check_rights()
        else:
            await self.on_hint(hint)

    async def _say_hints(self, *, come: bool) -> None:
        self.hints_come = come
        await self.on_hints_come()


def _parse(text: str | None) -> dict[str, Any] | None:
    try:
        frame = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    return frame if isinstance(frame, dict) else None
