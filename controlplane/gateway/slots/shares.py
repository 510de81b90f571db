"""How many slots of each replica this process may use, when several processes ask the same ones.

Alone, a process uses all and asks nobody: a beat tells it when another one has come. Together, each
slot is taken in the register (Valkey) and given back there, in turn; a process that dies holds
nothing after some seconds. While Valkey is away each keeps to its part by those who were there
last. One that is asked for nothing leaves the register, so that the others need not share with it.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from enum import Enum, auto
from typing import Protocol
from zlib import crc32

from controlplane.gateway.slots.register import Beat, Claim, Register, Said
from models_app.domain.routes import ReplicaRoute

log = logging.getLogger(__name__)
BEAT_S = 0.5
POLL_S = 0.02  # how often who waits asks again, while others hold what is wanted
SURPLUS_S = 0.05  # what was given and nobody took goes back after so long
REST_S = 60.0
RETURNING_S = 3.0  # after Valkey was away: all have told what they hold by then


class Mode(Enum):
    """How this process comes to its slots."""

    RESTING = auto()  # it has none, and has not been asked for anything lately
    ALONE = auto()  # all are its own
    SHARING = auto()  # those that the register gave it
    CUT_OFF = auto()  # its part, by who was there last


class Places(Protocol):
    """What the line and the loads of this process are asked."""

    def held(self) -> Mapping[str, int]:
        """Return how many requests are under way at each replica."""
        ...

    def claim(self, deployment_id: str) -> Claim:
        """Return what to ask for those who stand in line."""
        ...

    def serve(self, deployment_id: str) -> None:
        """Give what is free to who waits."""
        ...

    def waiting(self) -> Iterable[str]:
        """Return the deployments at which somebody waits."""
        ...


class Shares:
    """One per event loop, beside its places."""

    def __init__(self, places: Places, register: Register | None = None) -> None:
        self._places = places
        self._register = register or Register()
        self._mode = Mode.RESTING
        self._me = uuid.uuid4().hex
        self._members: Sequence[str] = [self._me]
        self._others: dict[str, Sequence[int]] = {}  # what other processes wish for, by deployment
        self._permits: dict[str, int] = {}
        self._claims = 0  # under way
        self._polls: dict[str, asyncio.Task[None]] = {}
        self._wakes: dict[str, asyncio.Event] = {}
        self._asked_at = time.monotonic()
        self._returning_until = 0.0
        self.has_all = False

    @property
    def mode(self) -> Mode:
        """How this process comes to its slots now."""
        return self._mode

    @property
    def asks_others(self) -> bool:
        """Whether a slot has to be asked for before it can be used."""
        return self._mode in (Mode.RESTING, Mode.SHARING)

    def limit(self, replica: ReplicaRoute) -> int:
        """Return how many requests this process may have under way at a replica."""
        if self._mode is Mode.ALONE:
            return replica.slots
        if self._mode is Mode.CUT_OFF:
            return part(self._me, self._members, replica)
        return self._permits.get(replica.id, 0)

    def ahead(self, deployment_id: str, position: int) -> int:
        """Return how many requests of other processes come before that place in our line."""
        if self._mode is not Mode.SHARING:
            return 0
        return sum(min(wish, position) for wish in self._others.get(deployment_id, ()))

    async def ask(self, claim: Claim) -> None:
        """Ask for slots, once; there are some now, or there are not."""
        self._asked_at = time.monotonic()
        while self.asks_others:
            # who leaves meanwhile must not take the answer along: it may hold a slot
            said = await asyncio.shield(asyncio.ensure_future(self._claim(claim)))
            if said is None or not said.is_early:
                return
            await asyncio.sleep(POLL_S)

    def wait_for(self, deployment_id: str) -> None:
        """Somebody waits: ask until nobody does."""
        self._asked_at = time.monotonic()
        poll = self._polls.get(deployment_id)
        if self._mode is not Mode.ALONE and (poll is None or poll.done()):
            self._wakes[deployment_id] = asyncio.Event()
            self._polls[deployment_id] = asyncio.create_task(self._poll(deployment_id))

    def ended(self, deployment_id: str, replica_id: str) -> None:
        """A request is over: its slot is the next one's, whoever has it."""
        self._asked_at = time.monotonic()
        if self._mode is not Mode.SHARING or not self._permits.get(replica_id):
            return
        self._give_back(replica_id, 1)
        wake = self._wakes.get(deployment_id)
        if wake is not None:
            wake.set()

    async def keep_alive(self) -> None:
        """Say that this process lives, until cancelled."""
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                await self._look()
            except Exception:
                log.exception("slots are not looked at, they are shared as they were last")

    async def stop(self) -> None:
        """Give everything back."""
        for poll in self._polls.values():
            poll.cancel()
        await asyncio.gather(*self._polls.values(), return_exceptions=True)
        await self._register.leave(self._me)
        await self._register.close()

    # --- inside ------------------------------------------------------------------------------

    async def _claim(self, claim: Claim) -> Said | None:
        me, is_known = self._me, self._mode is Mode.SHARING
        self._claims += 1
        try:
            said = await self._register.claim(me, claim, is_known=is_known)
        finally:
            self._claims -= 1
        if me != self._me or self._mode not in (Mode.RESTING, Mode.SHARING):
            return None  # it has begun anew meanwhile: what it held under that name is free
        if said is None:
            self._become(Mode.CUT_OFF)
        elif said.is_alone:
            self._become(Mode.ALONE)
        else:
            self._given(claim.deployment, said)
        return said

    def _given(self, deployment_id: str, said: Said) -> None:
        self._members, self._others[deployment_id] = said.members, said.others
        self._mode = Mode.SHARING
        for replica_id, count in said.given.items():
            self._permits[replica_id] = self._permits.get(replica_id, 0) + count
        if said.given:
            self._places.serve(deployment_id)
            asyncio.get_running_loop().call_later(SURPLUS_S, self._return_surplus, said.given)

    def _return_surplus(self, given: Iterable[str]) -> None:
        """What was given and not taken: who wanted it has left, or was given another."""
        if self._mode is not Mode.SHARING:
            return
        held = self._places.held()
        for replica_id in given:
            self._give_back(replica_id, self._permits.get(replica_id, 0) - held.get(replica_id, 0))

    def _give_back(self, replica_id: str, count: int) -> None:
        for _ in range(count):
            self._permits[replica_id] -= 1
            self._register.give_back(self._me, replica_id)

    async def _poll(self, deployment_id: str) -> None:
        wake = self._wakes[deployment_id]
        while self._mode in (Mode.RESTING, Mode.SHARING):
            claim = self._places.claim(deployment_id)
            if not claim.asked:
                return
            wake.clear()
            await asyncio.shield(asyncio.ensure_future(self._claim(claim)))
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await wake.wait()

    async def _look(self) -> None:
        if self._mode is not Mode.RESTING:
            await (self._rest() if self._is_idle() else self._beat())

    async def _beat(self) -> None:
        mode, held = self._mode, dict[str, int]()
        if mode is Mode.CUT_OFF:
            held = dict(self._places.held())
        elif mode is Mode.SHARING and not self._claims:  # sets right whatever was miscounted
            held = self._permits
            self._permits = {id_: count for id_, count in held.items() if count}
        beat = Beat(
            held,
            is_alone=mode is Mode.ALONE,
            may_be_alone=mode is not Mode.CUT_OFF or len(self._members) == 1,
            is_known=mode is not Mode.CUT_OFF,
        )
        said = await self._register.beat(self._me, beat)
        if mode is self._mode:
            await self._heard(said)

    async def _heard(self, said: Said | None) -> None:
        if said is None:
            self._returning_until = 0.0
            self._become(Mode.CUT_OFF)
        elif said.is_alone:
            self._become(Mode.ALONE)
        elif self._mode is Mode.ALONE:
            await self._begin_to_share(said)
        elif self._mode is Mode.CUT_OFF:
            await self._return(said)
        else:
            self._members = said.members

    async def _begin_to_share(self, said: Said) -> None:
        """Somebody has come: what is under way is what this process holds."""
        before, self._me = self._me, uuid.uuid4().hex
        self._members = [self._me, *(name for name in said.members if name != before)]
        held = {id_: count for id_, count in self._places.held().items() if count}
        self._permits = dict(held)
        self._become(Mode.SHARING)  # what that sets off asks after this beat has been sent
        beat = Beat(held, before=before, may_be_alone=False, is_known=False)
        if await self._register.beat(self._me, beat) is None:
            self._become(Mode.CUT_OFF)

    async def _return(self, said: Said) -> None:
        """Valkey is back: who else was cut off has to be heard before anything is shared out."""
        now = time.monotonic()
        self._members = sorted({*self._members, *said.members})
        if not self._returning_until:
            self._returning_until = now + RETURNING_S
        elif now >= self._returning_until:
            self._returning_until = 0.0
            await self._begin_to_share(said)

    def _is_idle(self) -> bool:
        if time.monotonic() - self._asked_at < REST_S or any(self._places.waiting()):
            return False
        return not any(self._places.held().values())

    async def _rest(self) -> None:
        before, self._me = self._me, uuid.uuid4().hex
        self._members = [self._me]
        self._permits = {}
        self._become(Mode.RESTING)
        await self._register.leave(before)

    def _become(self, mode: Mode) -> None:
        if mode is self._mode:
            return
        self._mode = mode
        self.has_all = mode is Mode.ALONE
        if mode is Mode.ALONE:
            self._members = [self._me]
        for deployment_id in list(self._places.waiting()):
            self._places.serve(deployment_id)
            self.wait_for(deployment_id)


def part(me: str, members: Sequence[str], replica: ReplicaRoute) -> int:
    """Return a member's part of a replica's slots.

    It is at least one: a request too many waits in the engine, none would be refused by half of us.
    """
    names = sorted({me, *members})
    rank = (names.index(me) + crc32(replica.id.encode())) % len(names)
    least, rest = divmod(replica.slots, len(names))
    return max(1, least + (rank < rest))
