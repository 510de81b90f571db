"""Limits as a program meets them: status, code, headers; and the length of an answer."""

import json

import pytest

from controlplane.gateway.limits.local import LocalCounters
from tests.controlplane.gateway.scripted_engine import plain, scripted_engine
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
