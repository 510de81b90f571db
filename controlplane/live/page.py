"""The socket of a page: tells its fragments anew whenever what they show has changed.

The page says what it shows (`show`), hints say what changed, and the painter paints what is due:
at once when a topic was quiet, else a quarter of a second after its last paint. Whatever hints do,
every topic is painted again each SWEEP_S, so a lost hint is never a lasting lie.
"""

import asyncio
import hashlib
import logging
import random
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from django.utils import translation

from controlplane.fragments.notices import notice_of
from controlplane.fragments.painting import paint
from controlplane.live.rights import language_of
from controlplane.live.sockets import BAD_FRAME, GuardedSocket
from controlplane.live.topics import Topic, topics_of
from controlplane.offload import offload
from models_app.domain.actors import Actor
from models_app.domain.errors import InvalidError, NotFoundError, SlipwayError
from models_app.notify import browsers

log = logging.getLogger(__name__)

REPAINT_S = 0.25  # at most four paints a second of one topic
SWEEP_S = 30.0
POLL_S = 5.0  # instead, while no hints come
NOTICES_KEPT = 3  # the newest; when much happens at once, nobody reads more
NOTICE_EVERY_S = 1.0


@dataclass(slots=True)
class Shown:
    """One topic on the page: when it is due next, and what was sent last."""

    topic: Topic
    due_at: float
    painted_at: float = float("-inf")
    digest: bytes = b""

    def want(self, now: float) -> None:
        """Paint it soon: now, or when its quarter of a second is over."""
        self.due_at = min(self.due_at, max(now, self.painted_at + REPAINT_S))


class PageSocket(GuardedSocket):
    """`/ws/live/`. In: `show` (lang, topics), `resync`.

    Out: `fragment` (topic, html), `gone` (topic), `refused` (topic, code), `hints` (come), `beat`,
    `notice` (text, level, url): something happened elsewhere.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._shown: dict[str, Shown] = {}
        self._language = language_of(None)
        self._wake = asyncio.Event()
        self._notices: deque[str] = deque(maxlen=NOTICES_KEPT)
        self._noticed = asyncio.Event()

    async def on_open(self) -> None:
        """Start to paint, and to tell."""
        self.spawn(self._paint_what_is_due())
        self.spawn(self._tell_notices())

    async def on_frame(self, frame: dict[str, Any]) -> None:
        """Take what the page shows, or its wish to see all of it again."""
        if frame.get("type") == "show":
            await self._show(frame)
        elif frame.get("type") == "resync":
            self.new_epoch()
            self._want_all(again=True)
        else:
            await self.close(BAD_FRAME)

    async def on_hint(self, hint: browsers.Hint) -> None:
        """Paint the topics that the hint may have changed; tell of what is worth a notice."""
        if hint["kind"] == browsers.NOTICE:
            self._notices.append(hint["id"])
            self._noticed.set()
            return
        now = time.monotonic()
        for shown in self._shown.values():
            if shown.topic.is_meant(hint):
                shown.want(now)
        self._wake.set()

    async def on_hints_come(self) -> None:
        """Tell the page, and look at everything: hints may have been lost."""
        await self.send_frame("hints", come=self.hints_come)
        self._want_all()

    def groups_wanted(self) -> set[str]:
        """Return the groups of what the page shows, and that of notices."""
        notices = {browsers.list_group(browsers.NOTICE)}
        return notices.union(*(shown.topic.groups() for shown in self._shown.values()))

    async def _show(self, frame: dict[str, Any]) -> None:
        try:
            topics, refused = topics_of(frame)
        except InvalidError:
            await self.close(BAD_FRAME)
            return
        self._language = language_of(frame.get("lang"))
        now = time.monotonic()
        self._shown = {
            key: self._shown.get(key) or Shown(topic, due_at=now) for key, topic in topics.items()
        }
        for key, code in refused.items():
            await self.send_frame("refused", topic=key, code=code)
        await self._hear()
        self._wake.set()

    async def _hear(self) -> None:
        try:
            await self.hear_groups()
        except Exception as error:  # noqa: BLE001 - the follower of hints sees it too, and retries
            log.warning("a page's groups were not joined: %s", error)

    def _want_all(self, *, again: bool = False) -> None:
        now = time.monotonic()
        for shown in self._shown.values():
            shown.want(now)
            if again:
                shown.digest = b""
        self._wake.set()

    async def _paint_what_is_due(self) -> None:
        while True:
            now = time.monotonic()
            due = [shown for shown in self._shown.values() if shown.due_at <= now]
            for shown in sorted(due, key=lambda shown: shown.due_at):
                await self._paint(shown)
            await self._wait_until_due()

    async def _tell_notices(self) -> None:
        while True:
            await self._noticed.wait()
            self._noticed.clear()
            while self._notices:
                id_ = self._notices.popleft()
                told = await offload(_notice_in, self._language, self.actor, id_)
                if told:
                    await self.send_frame("notice", **told)
                    await asyncio.sleep(NOTICE_EVERY_S)

    async def _wait_until_due(self) -> None:
        soonest = min((shown.due_at for shown in self._shown.values()), default=None)
        wait = None if soonest is None else max(0.0, soonest - time.monotonic())
        try:
            async with asyncio.timeout(wait):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _paint(self, shown: Shown) -> None:
        now = time.monotonic()
        shown.painted_at, shown.due_at = now, now + self._next_look(shown)
        key = shown.topic.key
        try:
            html = await offload(_paint_in, self._language, shown.topic, self.actor)
        except NotFoundError:
            await self._send_change(shown, b"gone", "gone", topic=key)
        except SlipwayError as error:
            await self._send_change(shown, b"refused", "refused", topic=key, code=error.code)
        except Exception:
            log.exception("fragment %s was not painted", shown.topic.fragment.name)
            await self._send_change(shown, b"failed", "refused", topic=key, code="INTERNAL")
        else:
            digest = hashlib.blake2b(html.encode(), digest_size=16).digest()
            await self._send_change(shown, digest, "fragment", topic=key, html=html)

    def _next_look(self, shown: Shown) -> float:
        """Hints tell of changes; this is for what they do not tell, and for when they are lost."""
        own = shown.topic.fragment.every_s or SWEEP_S
        look = own if self.hints_come else min(own, POLL_S)
        return look * random.uniform(0.9, 1.1)  # noqa: S311 - spreads the pages' looks in time

    async def _send_change(self, shown: Shown, digest: bytes, type_: str, **content: Any) -> None:
        if shown.digest != digest:
            shown.digest = digest
            await self.send_frame(type_, **content)


def _notice_in(language: str, actor: Actor, event_id: str) -> dict[str, Any] | None:
    with translation.override(language):
        return notice_of(actor, event_id)


def _paint_in(language: str, topic: Topic, actor: Actor) -> str:
    with translation.override(language):
        return paint(topic.fragment, actor, topic.asked)
