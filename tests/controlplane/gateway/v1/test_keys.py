"""Who gets in: a key alone, while it is good, and for a minute when nobody can be asked."""

import asyncio
import statistics
import time
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.utils import timezone

from controlplane.gateway.v1 import key_book, key_lookups
from controlplane.gateway.v1.errors import KeyInvalidError, KeysAwayError
from controlplane.gateway.v1.key_book import KeyBook
from controlplane.offload import offload
from models_app.models import GatewayKey, Usage
from models_app.selectors.gateway_keys import keys_by_ids
from models_app.services.gateway_keys import gateway_key_revoke
from tests.controlplane.gateway.scripted_engine import HEAD, STALL, delta, plain, scripted_engine
from tests.controlplane.gateway.v1.served import chat, data_of, served
from tests.factories import actor_of

ANSWER = b'{"choices":[]}'


def answering():
    return scripted_engine(plain(200, ANSWER))


class Database:
    """The rows, until it is away."""

    def __init__(self):
        self.is_away = False
        self.reads = 0

    def __call__(self, ids):
        self.reads += 1
        if self.is_away:
            raise OSError("away")
        return keys_by_ids(ids)


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer slip_"},
        {"authorization": "Bearer slip_abcdef012345_x"},
        {"authorization": "Bearer ' OR pg_sleep(8) IS NOT NULL --"},
        {"authorization": "Bearer " + "x" * 5000},
        {"authorization": "Basic {key}"},
        {"authorization": "", "x_api_key": "{key}"},
        {"authorization": "", "cookie": "slipway_session={key}"},
        {"authorization": "Bearer {key}x"},
        {"authorization": "Bearer {cut}"},
    ],
)
async def test_without_a_good_key_nothing_opens(headers):
    async with (
        scripted_engine(plain(200, ANSWER)) as engine,
        served({"chat": engine.address}) as it,
    ):
        filled = {n: v.format(key=it.key, cut=it.key[:-1]) for n, v in headers.items()}
        began = time.perf_counter()
        for path in ("/v1/models", "/v1/chat/completions", "/v1/nothing"):
            response = await it.post(path, chat(), **filled)
            assert response.status_code == 401
            assert response.json()["error"]["code"] == "invalid_api_key"
        assert time.perf_counter() - began < 1
    assert not engine.requests


async def test_a_key_in_the_address_is_not_seen():
    async with served() as it:
        del it.client.headers["authorization"]
        response = await it.client.get(f"/v1/models?api_key={it.key}")
    assert response.status_code == 401


@pytest.mark.parametrize(
    ("name", "value"),
    [("Authorization", "Bearer {}"), ("authorization", "bearer {}"), ("x-api-key", "{}")],
)
async def test_the_ways_to_send_a_key_open_the_same(name, value):
    async with served() as it:
        del it.client.headers["authorization"]
        headers = {name: value.format(it.key)}
        assert (await it.client.get("/v1/models", headers=headers)).status_code == 200
        assert (await it.client.get("/v1/nothing", headers=headers)).status_code == 404


async def test_a_gateway_key_opens_nothing_of_the_api_and_a_session_nothing_here():
    async with served() as it:
        headers = {"authorization": f"Bearer {it.key}"}
        api = await sync_to_async(Client().get)("/api/v1/deployments", headers=headers)
        browser = Client()
        await sync_to_async(browser.force_login)(it.owner)
        cookies = "; ".join(f"{name}={one.value}" for name, one in browser.cookies.items())
        del it.client.headers["authorization"]
        response = await it.client.get("/v1/models", headers={"cookie": cookies})
    assert api.status_code == 401
    assert response.status_code == 401


async def test_a_revoked_key_opens_nothing_and_ends_its_streams(monkeypatch):
    monkeypatch.setattr(key_book, "REFRESH_S", 0.2)
    async with (
        scripted_engine(HEAD, delta("a"), STALL) as engine,
        served({"chat": engine.address}) as it,
    ):
        stream = asyncio.create_task(it.events("/v1/chat/completions", chat(stream=True)))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        await sync_to_async(gateway_key_revoke)(actor_of(it.owner), it.row)
        while (await it.client.get("/v1/models")).status_code != 401:
            assert time.monotonic() - began < 5
            await asyncio.sleep(0.05)
        lines, _ = await asyncio.wait_for(stream, 30)
        await asyncio.wait_for(engine.hung_up.wait(), 2)
    assert data_of(lines)[-1]["error"]["code"] == "invalid_api_key"
    assert "data: [DONE]" not in lines


async def test_an_expired_key_is_known_without_being_read_again():
    async with served() as it:
        assert (await it.client.get("/v1/models")).status_code == 200
        gone = timezone.now() - timedelta(seconds=1)
        await GatewayKey.objects.filter(pk=it.row.pk).aupdate(expires_at=gone)
        await it.desk.keys.refresh()
        assert (await it.client.get("/v1/models")).status_code == 401


async def test_keys_seen_in_the_last_minute_go_on_while_the_database_is_away():
    database, now = Database(), [1000.0]
    async with served() as it:
        book = KeyBook(database, lambda: now[0])
        assert (await book.check(it.key)).row_id == it.row.pk
        database.is_away = True
        with pytest.raises(OSError, match="away"):
            await book.refresh()
        assert (await book.check(it.key)).row_id == it.row.pk
        with pytest.raises(KeysAwayError):
            await book.check("slip_aaaaaaaaaaaa_secret")
        now[0] += key_book.GOOD_S + 1
        with pytest.raises(KeysAwayError):
            await book.check(it.key)
        database.is_away = False
        assert (await book.check(it.key)).row_id == it.row.pk


async def test_a_database_that_hangs_costs_seconds_not_minutes(monkeypatch):
    monkeypatch.setattr(key_lookups, "LOOKUP_S", 0.3)

    def hang(_ids):
        time.sleep(1.5)
        return {}

    book = KeyBook(hang)
    began = time.monotonic()
    with pytest.raises(KeysAwayError):
        await book.check("slip_aaaaaaaaaaaa_secret")
    assert time.monotonic() - began < 1
    await asyncio.sleep(1.5)


async def test_an_unknown_key_costs_one_query_however_often_it_comes():
    database = Database()
    book = KeyBook(database)
    for _ in range(20):
        with pytest.raises(KeyInvalidError):
            await book.check("slip_aaaaaaaaaaaa_secret")
    assert database.reads == 1


async def test_a_warm_request_costs_no_query(monkeypatch):
    async with answering() as engine, served({"chat": engine.address}) as it:
        await it.chat()
        await it.desk.usage.write_now()
        asked = []

        original = BaseDatabaseWrapper.cursor

        def cursor(wrapper):
            asked.append("cursor")
            return original(wrapper)

        monkeypatch.setattr(BaseDatabaseWrapper, "cursor", cursor)
        monkeypatch.setattr(it.desk.usage, "_write", len)  # batches are off the hot path
        for _ in range(50):
            assert (await it.chat()).status_code == 200
    assert len(engine.requests) == 51
    assert len(asked) <= 1 + 2 * 6  # the tables' own look, should its time come meanwhile
    assert await offload(Usage.objects.count) == 1


async def test_how_long_a_wrong_key_takes_says_nothing_of_the_right_one():
    """S8: wrong from the first character or only in the last one, the medians do not tell."""
    async with served() as it:
        book = it.desk.keys
        await book.check(it.key)
        head, secret = it.key.rsplit("_", 1)
        near = f"{head}_{secret[:-1]}{'A' if secret[-1] != 'A' else 'B'}"
        far = f"{head}_{'A' if secret[0] != 'A' else 'B'}{secret[1:]}"
        times: dict[str, list[int]] = {near: [], far: []}
        for _ in range(5000):
            for text, taken in times.items():
                began = time.perf_counter_ns()
                with pytest.raises(KeyInvalidError):
                    await book.check(text)
                taken.append(time.perf_counter_ns() - began)
    medians = [statistics.median(taken) for taken in times.values()]
    spread = statistics.quantiles(times[near], n=100)
    assert abs(medians[0] - medians[1]) < spread[83] - spread[15]  # one sigma to either side
