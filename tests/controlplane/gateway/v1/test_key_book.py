"""What the book of keys keeps true without hints, and what nobody's inventions can do to it."""

import asyncio
import time
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from controlplane.gateway.v1 import key_book, key_lookups
from controlplane.gateway.v1.errors import KeyInvalidError, KeysAwayError
from controlplane.gateway.v1.key_book import KeyBook
from models_app.domain.states import Role
from models_app.models import GatewayKey, User
from models_app.services.gateway_keys import KeyScope, gateway_key_create
from tests.controlplane.gateway.scripted_engine import HEAD, STALL, delta, scripted_engine
from tests.controlplane.gateway.v1.served import chat, data_of, served
from tests.factories import actor_of, make_user

WITHIN_S = 30


class Rows:
    """The database, counted: each query with the ids that it asked for."""

    def __init__(self, takes_s=0.0):
        self.asked = []
        self.most_at_once = self._at_once = 0
        self._takes_s = takes_s

    def __call__(self, ids):
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.asked.append(list(ids))
        time.sleep(self._takes_s)
        self._at_once -= 1
        return key_book.keys_by_ids(ids)


def make_keys(count):
    owner = make_user("keeper", Role.ADMIN)
    made = [
        gateway_key_create(actor_of(owner), name=f"k{n}", scope=KeyScope(every_model=True))
        for n in range(count)
    ]
    return [(row.key_id, text) for row, text in made]


def expire(it):
    return GatewayKey.objects.filter(pk=it.row.pk).aupdate(expires_at=timezone.now())


def revoke(it):
    return GatewayKey.objects.filter(pk=it.row.pk).aupdate(revoked_at=timezone.now())


def demote(it):
    return User.objects.filter(pk=it.owner.pk).aupdate(role=Role.VIEWER)


def disable(it):
    return User.objects.filter(pk=it.owner.pk).aupdate(is_active=False)


def remove(it):
    return GatewayKey.objects.filter(pk=it.row.pk).adelete()


@pytest.mark.parametrize("taken_away", [revoke, expire, demote, disable, remove])
async def test_a_stream_older_than_a_minute_ends_with_its_key_though_no_hint_comes(
    taken_away, monkeypatch
):
    """The rows change behind the services' backs: nobody hints."""
    now = [time.monotonic()]
    async with (
        scripted_engine(HEAD, delta("a"), STALL) as engine,
        served({"chat": engine.address}) as it,
    ):
        monkeypatch.setattr(it.desk.keys, "_clock", lambda: now[0])
        stream = asyncio.create_task(it.events("/v1/chat/completions", chat(stream=True)))
        async with asyncio.timeout(WITHIN_S):
            while not it.desk._under_way or not engine.requests:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        now[0] += key_book.GOOD_S + 1
        await taken_away(it)
        lines, _ = await asyncio.wait_for(stream, WITHIN_S)
    assert data_of(lines)[-1]["error"]["code"] == "invalid_api_key"
    assert "data: [DONE]" not in lines


async def test_a_key_ends_at_its_time_though_nothing_can_be_read(monkeypatch):
    async with (
        scripted_engine(HEAD, delta("a"), STALL) as engine,
        served({"chat": engine.address}) as it,
    ):
        soon = timezone.now() + timedelta(seconds=6)  # until then its stream has begun
        await GatewayKey.objects.filter(pk=it.row.pk).aupdate(expires_at=soon)

        def away(_ids):
            raise OSError("away")

        stream = asyncio.create_task(it.events("/v1/chat/completions", chat(stream=True)))
        async with asyncio.timeout(WITHIN_S):
            while not it.desk._under_way:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        monkeypatch.setattr(it.desk.keys, "_read", away)
        lines, _ = await asyncio.wait_for(stream, WITHIN_S)
    assert data_of(lines)[-1]["error"]["code"] == "invalid_api_key"


async def test_invented_ids_push_no_good_key_out(monkeypatch):
    monkeypatch.setattr(key_book, "BOOK_LIMIT", 3)
    monkeypatch.setattr(key_book, "UNKNOWN_LIMIT", 5)
    rows = Rows()
    book = KeyBook(rows)
    ((key_id, text),) = await sync_to_async(make_keys)(1)
    await book.check(text)
    for number in range(40):
        with pytest.raises(KeyInvalidError):
            await book.check(f"slip_{number:012}_secret")
    assert book.good(key_id) is not None
    assert len(book._unknown) == 5
    assert len(book._pages) == 1


async def test_a_flood_of_invented_ids_is_a_few_queries_one_at_a_time(monkeypatch):
    monkeypatch.setattr(key_lookups, "WAITING_LIMIT", 100)
    monkeypatch.setattr(key_lookups, "BATCH", 40)
    rows = Rows(takes_s=0.05)
    book = KeyBook(rows)
    (known_id, known), (_, late) = await sync_to_async(make_keys)(2)
    await book.check(known)
    rows.asked.clear()

    async def told(text):
        try:
            await book.check(text)
        except (KeyInvalidError, KeysAwayError) as error:
            return type(error)

    flood = [f"slip_{number:012}_secret" for number in range(300)]
    answers = asyncio.gather(*map(told, flood))
    await asyncio.sleep(0)
    assert (await book.check(known)).id == known_id  # from memory, whatever waits
    said = await answers
    assert said.count(KeyInvalidError) == 100
    assert said.count(KeysAwayError) == 200  # told to come back
    assert rows.most_at_once == 1
    assert len(rows.asked) == 3
    assert (await book.check(late)).name == "k1"


async def test_a_known_key_does_not_wait_behind_invented_ones(monkeypatch):
    monkeypatch.setattr(key_lookups, "WAITING_LIMIT", 1)
    now, rows = [1000.0], Rows(takes_s=0.3)
    book = KeyBook(rows, lambda: now[0])
    ((key_id, text),) = await sync_to_async(make_keys)(1)
    await book.check(text)
    now[0] += key_book.GOOD_S + 1  # it has to be read again
    stranger = asyncio.create_task(book.check("slip_aaaaaaaaaaaa_secret"))
    await asyncio.sleep(0)
    with pytest.raises(KeysAwayError):
        await book.check("slip_bbbbbbbbbbbb_secret")
    assert (await book.check(text)).id == key_id
    with pytest.raises(KeyInvalidError):
        await stranger


async def test_who_is_forgotten_is_the_longest_unused_with_nothing_under_way(monkeypatch):
    monkeypatch.setattr(key_book, "BOOK_LIMIT", 10)
    now = [1000.0]
    in_use: set[str] = set()
    book = KeyBook(Rows(), lambda: now[0], lambda: in_use)
    keys = await sync_to_async(make_keys)(12)
    in_use.add(keys[0][0])
    for _, text in keys[:10]:
        now[0] += 1
        await book.check(text)
    now[0] += 1
    await book.check(keys[1][1])  # used again
    await book.check(keys[10][1])
    kept = [book.good(key_id) is not None for key_id, _ in keys]
    assert kept == [True, True, False, False, *[True] * 7, False]


async def test_an_id_that_was_nobodys_is_looked_for_again_when_a_hint_names_it():
    book = KeyBook(Rows())
    ((key_id, text),) = await sync_to_async(make_keys)(1)
    book._unknown[key_id] = time.monotonic()
    with pytest.raises(KeyInvalidError):
        await book.check(text)
    await book.refresh({key_id})
    assert (await book.check(text)).id == key_id
