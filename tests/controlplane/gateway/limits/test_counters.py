"""Both kinds of counters say the same: shares taken at once or not at all, refilled, given back."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator

import pytest

from controlplane.gateway.limits.counting import DAY_MS, Reason, Subject
from controlplane.gateway.limits.local import LocalCounters
from controlplane.gateway.limits.shared import SharedCounters
from models_app.domain.gateway import Limits
from tests.requirements import need
from tests.valkey_server import ValkeyServer, valkey_server


@pytest.fixture(scope="module")
def server():
    need("valkey")
    with valkey_server() as running:
        yield running


@pytest.fixture(params=["local", "shared"])
async def counters(request) -> AsyncIterator[LocalCounters | SharedCounters]:
    if request.param == "local":
        yield LocalCounters()
        return
    server: ValkeyServer = request.getfixturevalue("server")
    shared = SharedCounters(server.url)
    yield shared
    await shared.close()


def subject(name="", **limits):
    return Subject(f"k:{name or uuid.uuid4()}", Limits(**limits))


async def take(counters, *subjects, tokens=0):
    return await counters.take(subjects, uuid.uuid4(), tokens)


async def test_requests_a_minute(counters):
    one = subject(requests_per_minute=3)
    said = [await take(counters, one) for _ in range(5)]
    assert [s.reason for s in said] == [Reason.NONE] * 3 + [Reason.REQUESTS] * 2
    assert [s.left[0][0] for s in said[:3]] == [2, 1, 0]
    assert 18_000 < said[3].wait_ms <= 20_000


async def test_tokens_a_minute_are_reserved_and_given_back(counters):
    one = subject(tokens_per_minute=100)
    ticket = uuid.uuid4()
    assert (await counters.take([one], ticket, 80)).reason == Reason.NONE
    assert (await take(counters, one, tokens=80)).reason == Reason.TOKENS
    await counters.settle([one], ticket, 80, 10)
    assert (await take(counters, one, tokens=80)).reason == Reason.NONE


async def test_what_was_used_beyond_the_reserve_is_owed(counters):
    one = subject(tokens_per_minute=600)
    ticket = uuid.uuid4()
    await counters.take([one], ticket, 10)
    await counters.settle([one], ticket, 10, 1200)
    said = await take(counters, one, tokens=10)
    assert said.reason == Reason.TOKENS
    assert 60_000 < said.wait_ms <= 61_500


async def test_a_request_larger_than_the_limit_is_not_refused_for_ever(counters):
    one = subject(tokens_per_minute=100)
    assert (await take(counters, one, tokens=100_000)).reason == Reason.NONE


async def test_tokens_a_day(counters):
    one = subject(tokens_per_day=100)
    ticket = uuid.uuid4()
    await counters.take([one], ticket, 10)
    await counters.settle([one], ticket, 10, 100)
    said = await take(counters, one)
    assert said.reason == Reason.DAY
    assert 0 < said.wait_ms <= DAY_MS


async def test_requests_at_a_time(counters):
    one = subject(concurrent_requests=2)
    tickets = [uuid.uuid4() for _ in range(3)]
    said = [await counters.take([one], ticket, 0) for ticket in tickets]
    assert [s.reason for s in said] == [Reason.NONE, Reason.NONE, Reason.CONCURRENT]
    await counters.renew([one], tickets[0])
    await counters.settle([one], tickets[0], 0, 5)
    assert (await take(counters, one)).reason == Reason.NONE


async def test_all_limits_or_none(counters):
    key, deployment = subject(requests_per_minute=5), subject(requests_per_minute=1)
    assert (await take(counters, key, deployment)).reason == Reason.NONE
    for _ in range(3):
        said = await take(counters, key, deployment)
        assert (said.reason, said.subject, said.left[0][0]) == (Reason.REQUESTS, 1, 4)


async def test_many_at_once_never_get_more_than_there_is(counters):
    one = subject(requests_per_minute=50, concurrent_requests=30)
    said = await asyncio.gather(*(take(counters, one) for _ in range(200)))
    assert sum(s.reason == Reason.NONE for s in said) == 30


def test_a_bucket_refills_with_time():
    now = [1e12]
    counters = LocalCounters(lambda: now[0])
    one = subject(requests_per_minute=60)

    async def all_at_once():
        return [(await take(counters, one)).reason for _ in range(61)]

    assert asyncio.run(all_at_once()).count(Reason.NONE) == 60
    now[0] += 2000
    assert asyncio.run(all_at_once()).count(Reason.NONE) == 2
    now[0] += 3_600_000
    assert asyncio.run(all_at_once()).count(Reason.NONE) == 60


async def test_with_valkey_away_the_local_counters_hold_the_limit(server):
    shared = SharedCounters(server.url)
    one = subject(requests_per_minute=3)
    assert (await take(shared, one)).reason == Reason.NONE
    server.stop()
    began = time.monotonic()
    said = [(await take(shared, one)).reason for _ in range(6)]
    assert time.monotonic() - began < 0.3
    assert said.count(Reason.NONE) == 3
    server.start()
    await asyncio.sleep(1.1)
    assert (await take(shared, one)).reason == Reason.NONE
    await shared.close()
