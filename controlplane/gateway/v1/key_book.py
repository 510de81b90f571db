"""Who asks: gateway keys, kept in memory so that a request on the warm path costs no query.

What was read of a key serves for a minute at most, and only while nothing newer can be read: keys
in use are read again every few seconds, all of them in one query, and at once when a hint says that
one changed. With the database away a key that was seen in the last minute goes on; one that was not
is told to come back, never let in.
"""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from django.utils import timezone

from controlplane.gateway.freshness import by_hints, by_time
from controlplane.gateway.v1.errors import KeyInvalidError, KeysAwayError
from controlplane.offload import offload
from models_app.domain.gateway import GatewayKeyFacts, KeyStanding, split_key
from models_app.selectors.gateway_keys import keys_by_ids
from models_app.services.gateway_keys import secret_matches

log = logging.getLogger(__name__)

GOOD_S = 60.0  # how long what was read of a key may serve
REFRESH_S = 3.0
LOOKUP_S = 2.5  # for a database that does not answer
UNKNOWN_S = 5.0  # an id that is nobody's is not looked for again so soon
BOOK_LIMIT = 20_000

ReadKeys = Callable[[Collection[str]], Mapping[str, GatewayKeyFacts]]


@dataclass(slots=True)
class _Page:
    """What is known of one key id, since when, and when it was last used."""

    facts: GatewayKeyFacts | None
    read_at: float
    used_at: float
    good_until: float = 0.0  # in seconds since the epoch; 0: not good


class KeyBook:
    """The keys of one process. Used on one event loop."""

    def __init__(
        self, read: ReadKeys = keys_by_ids, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._pages: OrderedDict[str, _Page] = OrderedDict()
        self._matched: dict[bytes, str] = {}  # sha256 of a key's whole text -> its id, once proven
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._listeners: list[Callable[[GatewayKeyFacts], None]] = []

    def on_bad(self, listener: Callable[[GatewayKeyFacts], None]) -> None:
        """Call `listener` with a key that is found to be good no longer."""
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
        if page.facts is None or time.time() >= page.good_until:
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
        """Read keys again: those named, or all that were used in the last minute."""
        now = self._clock()
        if ids is None:
            ids = [id_ for id_, page in self._pages.items() if now - page.used_at < GOOD_S]
        known = [id_ for id_ in ids if id_ in self._pages]
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
        if not secret_matches(page.facts, secret):
            raise KeyInvalidError
        if len(self._matched) > BOOK_LIMIT:
            self._matched.clear()
        self._matched[fingerprint] = key_id
        return page

    async def _page_of(self, key_id: str) -> _Page:
        """Return what is known of an id, reading it first where that is too old to serve."""
        page = self._pages.get(key_id)
        now = self._clock()
        lasts = GOOD_S if page is not None and page.facts is not None else UNKNOWN_S
        if page is not None and now - page.read_at <= lasts:
            return page
        reading = self._reading.get(key_id)
        if reading is None:  # many requests with one new key cost one query
            reading = asyncio.create_task(self._read_now([key_id]))
            self._reading[key_id] = reading
            reading.add_done_callback(lambda _: self._reading.pop(key_id, None))
        try:
            async with asyncio.timeout(LOOKUP_S):
                await asyncio.shield(reading)
        except Exception as error:  # noqa: BLE001 - whatever a database raises when it is away
            log.warning("a gateway key cannot be looked up: %s", type(error).__name__)
            raise KeysAwayError from None
        return self._pages[key_id]

    async def _read_now(self, ids: Collection[str]) -> None:
        found = await offload(self._read, ids)
        now = self._clock()
        for key_id in ids:
            page = self._pages.get(key_id)
            used_at = page.used_at if page else now
            facts = found.get(key_id)
            self._pages[key_id] = _Page(facts, now, used_at, _good_until(facts))
            self._tell_if_bad(page, found.get(key_id))
        while len(self._pages) > BOOK_LIMIT:
            self._pages.popitem(last=False)

    def _tell_if_bad(self, before: _Page | None, facts: GatewayKeyFacts | None) -> None:
        if before is None or before.facts is None:
            return
        if facts is None or facts.standing(timezone.now()) is not KeyStanding.GOOD:
            for listener in self._listeners:
                listener(before.facts)


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
