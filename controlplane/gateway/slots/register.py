"""The register of slots in Valkey: who is there, who holds how many, whose turn it is."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from msgspec import Struct

from controlplane.gateway.valkey_scripts import ValkeyScripts, script_name
from models_app.domain.routes import ReplicaRoute

PATIENCE_S = 2.0  # a request that is shared out may wait so long for a Valkey that hangs, once
GONE_MS = 6_000  # a process that says nothing for so long holds nothing any more
WISH_MS = 1_000  # a wish that is not said again is none
KEPT_S = 300  # what nobody touches goes
PREFIX = "slipway:slots"
_FOLDER = Path(__file__).parent
_TEXTS = [(_FOLDER / f"{name}.lua").read_text() for name in ("claim", "beat")]
_ALONE, _FORGOTTEN = 1, 2
_CLAIM, _BEAT = map(script_name, _TEXTS)


class Claim(Struct, frozen=True):
    """A wish for slots. `wish`: how many wait here; `asked`: how many of them ask now."""

    deployment: str
    replicas: Sequence[ReplicaRoute]
    wish: int
    asked: int
    has_favourite: bool = False  # the first replica, while it has a free slot


class Beat(Struct, frozen=True):
    """A sign of life. `held`: slots by replica; `before`: the name this process had."""

    held: Mapping[str, int] = {}
    before: str = ""
    is_alone: bool = False
    may_be_alone: bool = True
    is_known: bool = True


class Said(Struct, frozen=True):
    """What the register answers. `given`: slots by replica; `others`: the wishes of others.

    `is_early`: nothing can be given until another process has seen that it is not alone any more.
    """

    is_alone: bool
    members: Sequence[str] = ()
    others: Sequence[int] = ()
    is_early: bool = False
    given: Mapping[str, int] = {}


class Register:
    """This process's end of it. An answer is None while Valkey is away, or has lost its memory."""

    def __init__(self, url: str = "") -> None:
        self._scripts = ValkeyScripts(
            url or settings.BROKER_URL,
            _TEXTS,
            PATIENCE_S,
            without="slots are shared as they were last",
        )

    async def claim(self, me: str, claim: Claim, *, is_known: bool) -> Said | None:
        """Ask for slots; `is_known`: this process believes that the register knows it."""
        keys = [f"{PREFIX}:live", f"{PREFIX}:modes"]
        keys += [f"{PREFIX}:wishes:{claim.deployment}", f"{PREFIX}:turns:{claim.deployment}"]
        keys += [_held(replica.id) for replica in claim.replicas]
        flags = (int(is_known), int(claim.has_favourite))
        slots = [replica.slots for replica in claim.replicas]
        times = (GONE_MS, WISH_MS, KEPT_S)
        arguments: list[str | int] = [me, *times, claim.wish, claim.asked, *flags, *slots]
        said = await self._scripts.run(_CLAIM, keys, arguments)
        if said is None or said[0] == _FORGOTTEN:
            return None
        if said[0] == _ALONE:
            return Said(is_alone=True)
        ids = [replica.id for replica in claim.replicas]
        given = {id_: count for id_, count in zip(ids, said[4:], strict=True) if count}
        wishes = [int(count) for count in said[2].decode().split()]
        members = said[1].decode().split()
        return Said(
            is_alone=False, members=members, others=wishes, is_early=bool(said[3]), given=given
        )

    async def beat(self, me: str, beat: Beat) -> Said | None:
        """Say that this process lives and what it holds."""
        keys = [f"{PREFIX}:live", f"{PREFIX}:modes", *map(_held, beat.held)]
        mode = "alone" if beat.is_alone else "sharing"
        flags = (int(beat.may_be_alone), int(beat.is_known))
        arguments: list[str | int] = [me, beat.before, GONE_MS, KEPT_S, mode, *flags]
        arguments += beat.held.values()
        said = await self._scripts.run(_BEAT, keys, arguments, now=True)
        if said is None or said[0] == _FORGOTTEN:
            return None
        if said[0] == _ALONE:
            return Said(is_alone=True)
        return Said(is_alone=False, members=said[1].decode().split())

    def give_back(self, me: str, replica: str) -> None:
        """One slot less is held."""
        self._scripts.send("HINCRBY", _held(replica), me, -1)

    async def leave(self, me: str) -> None:
        """This process asks for nothing for now."""
        self._scripts.send("HDEL", f"{PREFIX}:modes", me)
        with suppress(OSError, TimeoutError):
            await self._scripts.send("ZREM", f"{PREFIX}:live", me)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._scripts.close()


def _held(replica: str) -> str:
    return f"{PREFIX}:held:{replica}"
