"""Limits as a program meets them: status, code, headers; and the length of an answer."""

import asyncio
import json

import pytest

from controlplane.gateway.limits.local import LocalCounters
from tests.controlplane.gateway.scripted_engine import HEAD, STALL, delta, plain, scripted_engine
from tests.controlplane.gateway.v1.served import chat, served

ANSWER = b'{"choices":[],"usage":{"prompt_tokens":30,"completion_tokens":10}}'


@pytest.fixture
async def engine():
    async with scripted_engine(plain(200, ANSWER)) as running:
        yield running


def limited(engine, **limits):
    return served({"chat": engine.address}, limits={"requests_per_minute": None, **limits})


async def test_requests_a_minute_and_what_the_headers_say(engine):
    async with limited(engine, requests_per_minute=2, tokens_per_minute=None) as it:
        it.desk.counters = LocalCounters()
        first, second, third = [await it.chat() for _ in range(3)]
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 429)
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    assert first.headers["x-ratelimit-reset-requests"] == "30s"
    assert 25 <= int(third.headers["retry-after"]) <= 30
    error = third.json()["error"]
    assert (error["type"], error["code"]) == ("requests", "rate_limit_exceeded")
    assert third.headers["x-ratelimit-remaining-requests"] == "0"


async def test_tokens_that_were_used_count_not_those_that_were_guessed(engine):
    async with limited(engine, tokens_per_minute=1000) as it:
        it.desk.counters = LocalCounters()
        await it.chat(max_tokens=900)
        left = (await it.chat(max_tokens=1)).headers["x-ratelimit-remaining-tokens"]
    assert 900 < int(left) < 961


async def test_the_days_quota(engine):
    async with limited(engine, tokens_per_day=40) as it:
        it.desk.counters = LocalCounters()
        first, second = await it.chat(), await it.chat()
    assert (first.status_code, second.status_code) == (200, 429)
    assert second.json()["error"]["code"] == "insufficient_quota"
    assert second.headers["x-should-retry"] == "false"


async def test_the_length_of_an_answer(engine):
    async with limited(engine, max_tokens_per_request=50) as it:
        it.desk.counters = LocalCounters()
        too_long = await it.chat(max_tokens=51)
        hidden = await it.chat(max_tokens=51, max_completion_tokens=5)
        await it.chat(max_tokens=50)
        await it.chat()
    assert too_long.status_code == hidden.status_code == 422
    assert too_long.json()["error"]["param"] == "max_tokens"
    asked = [json.loads(body) for body in engine.requests]
    assert asked == [chat(max_tokens=50), chat(max_tokens=50)]


async def test_overload_is_told_at_once(engine):
    async with served({"chat": engine.address}) as it:
        it.desk.under_way_limit = 0
        response = await it.chat()
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json()["error"]["code"] == "overloaded"


NUMBERS = [{"object": "embedding", "embedding": [0.123456] * 9}] * 12_000  # more than a MiB
USAGE = {"prompt_tokens": 5000, "total_tokens": 5000, "prompt_tokens_details": {"cached_tokens": 7}}


@pytest.mark.parametrize(
    "answer",
    [
        {"object": "list", "usage": USAGE, "data": NUMBERS},
        {"object": "list", "data": NUMBERS, "usage": USAGE},
    ],
    ids=["before", "after"],
)
async def test_tokens_of_a_long_whole_answer_count(answer):
    body = json.dumps(answer).encode()
    assert len(body) > 1 << 20
    async with (
        scripted_engine(plain(200, body)) as engine,
        limited(engine, tokens_per_day=100) as it,
    ):
        it.desk.counters = LocalCounters()
        first, second = [
            await it.post("/v1/embeddings", {"model": "chat", "input": "x"}) for _ in range(2)
        ]
        record = it.records()[0]
    assert first.content == body
    assert second.json()["error"]["code"] == "insufficient_quota"
    assert (record.prompt_tokens, record.completion_tokens) == (5000, 0)
    assert record.cached_tokens == 7


async def test_a_long_whole_answer_that_says_no_usage_costs_its_prompt():
    body = json.dumps({"data": NUMBERS}).encode()
    async with (
        scripted_engine(plain(200, body)) as engine,
        limited(engine, tokens_per_day=100) as it,
    ):
        it.desk.counters = LocalCounters()
        first, second = [
            await it.post("/v1/embeddings", {"model": "chat", "input": "x" * 400}) for _ in range(2)
        ]
    assert (first.status_code, second.status_code) == (200, 429)


async def left_when(it, come_so_far, **more):
    """Ask, and leave once that is true."""
    body = chat(messages=[{"role": "user", "content": "x" * 4000}], **more)
    asking = asyncio.create_task(it.post("/v1/chat/completions", body))
    async with asyncio.timeout(10):
        while not come_so_far():  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def until_noted(it, records):
    async with asyncio.timeout(10):
        while len(it.records()) < records:  # noqa: ASYNC110 - the record is its only sign
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("script", [(STALL,), (HEAD, delta("a"), delta("b"), STALL)])
async def test_who_leaves_pays_for_the_prompt(script):
    is_stream = len(script) > 1
    async with scripted_engine(*script) as engine, limited(engine, tokens_per_day=1000) as it:
        it.desk.counters = LocalCounters()
        await left_when(it, engine.asked.is_set, stream=is_stream)
        await until_noted(it, 1)
        response = await it.chat()
        record = it.records()[0]
    assert record.status == "cancelled"
    assert response.json()["error"]["code"] == "insufficient_quota"


async def test_what_no_engine_was_asked_costs_nothing():
    release = asyncio.Event()
    async with (
        scripted_engine(release, plain(200, ANSWER)) as engine,
        limited(engine, tokens_per_day=1000) as it,
    ):
        it.desk.counters = LocalCounters()
        staying = [asyncio.create_task(it.chat(max_tokens=1)) for _ in range(4)]  # its four slots
        async with asyncio.timeout(10):
            while len(engine.requests) < 4:  # noqa: ASYNC110 - they are its only sign
                await asyncio.sleep(0.01)
        await left_when(it, lambda: list(it.desk.router.places.waiting()))
        await until_noted(it, 1)
        release.set()
        answers = [*await asyncio.gather(*staying), await it.chat(max_tokens=1)]
    assert [one.status_code for one in answers] == [200] * 5
    assert len(engine.requests) == 5


async def test_the_length_is_of_all_answers_together(engine):
    async with limited(engine, max_tokens_per_request=50) as it:
        it.desk.counters = LocalCounters()
        too_many = [
            await it.chat(n=4, max_tokens=13),
            await it.post("/v1/completions", {"model": "chat", "prompt": ["a"] * 51}),
            await it.post(
                "/v1/completions", {"model": "chat", "prompt": "a", "best_of": 3, "max_tokens": 20}
            ),
        ]
        fitting = [
            await it.chat(n=4, max_tokens=12),
            await it.chat(n=4),
            await it.post("/v1/completions", {"model": "chat", "prompt": ["a", "b"]}),
            await it.post("/v1/completions", {"model": "chat", "prompt": [1, 2, 3]}),
        ]
    assert [one.status_code for one in too_many] == [422] * 3
    assert [one.status_code for one in fitting] == [200] * 4
    assert [json.loads(body)["max_tokens"] for body in engine.requests] == [12, 12, 25, 50]


@pytest.mark.parametrize(
    "more",
    [{"MAX_TOKENS": 100_000}, {"N": 4}, {"Max_Completion_Tokens": 99}, {"max_to\u212aens": 99}],
)
async def test_no_other_spelling_gets_around_the_length(engine, more):
    async with limited(engine, max_tokens_per_request=50) as it:
        it.desk.counters = LocalCounters()
        response = await it.chat(max_tokens=5, **more)
    assert response.status_code == 422
    assert not engine.requests
