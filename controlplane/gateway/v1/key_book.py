"""Who asks: gateway keys, kept in memory so that a request on the warm path costs no query.

What was read of a key serves for a minute at most, and only while nothing newer can be read: keys
in use are read again every few seconds, all of them in one query, and at once when a hint says that
one changed. In use is a key that was used in the last minute, or whose requests are still under
way, however long ago they began. With the database away a key that was seen in the last minute goes
on; one that was not is told to come back, never let in. Ids that are nobody's have a small book of
their own: however many are invented, they push out no key.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from django.utils import timezone

from controlplane.gateway.freshness import by_hints, by_time
from controlplane.gateway.v1.errors import KeyInvalidError, KeysAwayError
from controlplane.gateway.v1.key_lookups import Lookups
from controlplane.offload import offload
from models_app.domain.gateway import GatewayKeyFacts, KeyStanding, split_key
from models_app.selectors.gateway_keys import keys_by_ids
from models_app.services.gateway_keys import secret_matches

GOOD_S = 60.0  # how long what was read of a key may serve
REFRESH_S = 3.0
UNKNOWN_S = 5.0  # an id that is nobody's is not looked for again so soon
BOOK_LIMIT = 20_000  # keys
UNKNOWN_LIMIT = 5_000  # ids that are nobody's

ReadKeys = Callable[[Collection[str]], Mapping[str, GatewayKeyFacts]]


@dataclass(slots=True)
class _Page:
    """What is known of one key, since when, and when it was last used."""

    facts: GatewayKeyFacts
    read_at: float
    used_at: float
    good_until: float  # in seconds since the epoch; 0: not good


class KeyBook:
    """The keys of one process. Used on one event loop.

    `in_use` gives the ids of keys with requests under way.
    """

    def __init__(
        self,
        read: ReadKeys = keys_by_ids,
        clock: Callable[[], float] = time.monotonic,
        in_use: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._read = read
        self._clock = clock
        self._in_use = in_use
        self._pages: dict[str, _Page] = {}
        self._unknown: OrderedDict[str, float] = OrderedDict()  # id -> when it was looked for
        self._matched: dict[bytes, str] = {}  # sha256 of a key's whole text -> its id, once proven
        self._known_lookups = Lookups(self._read_now)
        self._unknown_lookups = Lookups(self._read_now)  # a line of their own: they are anybody's
        self._listeners: list[Callable[[str], None]] = []

    def on_bad(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the id of a key that is found to be good no longer."""
        self._listeners.append(listener)

    async def check(self, text: str) -> GatewayKeyFacts:
        """Return the key that a text is. Raises KeyInvalidError, KeysAwayError.

        Unknown, wrong, revoked and expired keys are told alike.
        """
        fingerprint = _fingerprint(text)
        key_id = self._matched.get(fingerprint)
        page = self._pages.get(key_id) if key_id else None
        now = self._clock()
        if page is None or now - page.read_at > GOOD_S:
            page = await self._prove(text, fingerprint)
        page.used_at = now
        if time.time() >= page.good_until:
            raise KeyInvalidError
        return page.facts

    def proven(self, text: str) -> str:
        """Return the id of a key whose text was found to be right; empty for any other."""
        return self._matched.get(_fingerprint(text), "")

    def good(self, key_id: str) -> GatewayKeyFacts | None:
        """Return a proven key that is known to be good without reading anything."""
        page = self._pages.get(key_id)
        now = self._clock()
        if page is None or now - page.read_at > GOOD_S or time.time() >= page.good_until:
            return None
        page.used_at = now
        return page.facts

    async def refresh(self, ids: Collection[str] | None = None) -> None:
        """Read keys again: those named, or all that are in use."""
        if ids is None:
            self._end_expired()
            now = self._clock()
            recent = [id_ for id_, page in self._pages.items() if now - page.used_at < GOOD_S]
            ids = {*recent, *self._in_use()}
        for key_id in ids:  # one that was nobody's may be a new key by now
            self._unknown.pop(key_id, None)
        in_use = self._in_use()
        known = [id_ for id_ in ids if id_ in self._pages or id_ in in_use]
        if known:
            await self._read_now(known)

    async def keep_fresh(self) -> None:
        """Refresh by hints and by time until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(by_time("keys", self.refresh, REFRESH_S))
            group.create_task(by_hints("gateway_key", self.refresh))

    async def _prove(self, text: str, fingerprint: bytes) -> _Page:
        parts = split_key(text)
        if parts is None:
            raise KeyInvalidError
        key_id, secret = parts
        page = await self._page_of(key_id)
        if not secret_matches(page.facts if page else None, secret) or page is None:
            raise KeyInvalidError
        if len(self._matched) > BOOK_LIMIT:
            self._matched.clear()
        self._matched[fingerprint] = key_id
        return page

    async def _page_of(self, key_id: str) -> _Page | None:
        """Return what is known of an id, reading it first where that is too old to serve."""
        page = self._pages.get(key_id)
        now = self._clock()
        if page is not None and now - page.read_at <= GOOD_S:
            return page
        if page is None and now - self._unknown.get(key_id, -UNKNOWN_S) < UNKNOWN_S:
            return None
        lookups = self._unknown_lookups if page is None else self._known_lookups
        if not await lookups.look(key_id):
            raise KeysAwayError
        return self._pages.get(key_id)

    async def _read_now(self, ids: Collection[str]) -> None:
        found = await offload(self._read, ids)
        now, in_use = self._clock(), self._in_use()
        for key_id in ids:
            before, facts = self._pages.get(key_id), found.get(key_id)
            if facts is None:
                self._pages.pop(key_id, None)
                self._unknown[key_id] = now
            else:
                used_at = before.used_at if before else now
                self._pages[key_id] = _Page(facts, now, used_at, _good_until(facts))
            if key_id in in_use and not _good_until(facts):
                self._tell_bad(key_id)
        self._make_room()

    def _make_room(self) -> None:
        """Forget the longest unused keys, a tenth at a time, but none with something under way:
        who is forgotten is not read again, and would not be ended when it is revoked.
        """
        while len(self._unknown) > UNKNOWN_LIMIT:
            self._unknown.popitem(last=False)
        if len(self._pages) > BOOK_LIMIT:
            in_use = self._in_use()
            idle = sorted(
                (page.used_at, id_) for id_, page in self._pages.items() if id_ not in in_use
            )
            for _, key_id in idle[: len(self._pages) - BOOK_LIMIT * 9 // 10]:
                del self._pages[key_id]

    def _end_expired(self) -> None:
        """A key that has come to its end is bad, whether anything can be read or not."""
        for key_id in self._in_use():
            page = self._pages.get(key_id)
            if page is not None and time.time() >= page.good_until:
                self._tell_bad(key_id)

    def _tell_bad(self, key_id: str) -> None:
        for listener in self._listeners:
            listener(key_id)


def _fingerprint(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _good_until(facts: GatewayKeyFacts | None) -> float:
    if facts is None or facts.standing(timezone.now()) is not KeyStanding.GOOD:
        return 0.0
    return facts.expires_at.timestamp()


def bearer(headers: Collection[tuple[bytes, bytes]]) -> str:
    """Return the key that a request carries: as bearer token, or as Anthropic's clients send it."""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, text = value.partition(b" ")
            return text.strip().decode("latin-1") if scheme.lower() == b"bearer" else ""
        if name == b"x-api-key":
            return value.strip().decode("latin-1")
    return ""
