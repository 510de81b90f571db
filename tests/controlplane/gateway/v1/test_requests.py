"""What is asked and what is answered: bytes through, errors in shape, nothing unlisted."""

import asyncio
import json
from contextlib import suppress

import httpx
import pytest
from asgiref.sync import sync_to_async

from models_app.domain.gateway import KeyRoute
from models_app.services.gateway_keys import KeyScope
from tests.controlplane.gateway.scripted_engine import (
    DONE,
    END,
    HEAD,
    RESET,
    STALL,
    chunk,
    delta,
    event,
    plain,
    scripted_engine,
)
from tests.controlplane.gateway.v1.served import chat, data_of, served
from tests.factories import make_deployment
from tests.fake_engine import fake_engine

pytestmark = pytest.mark.usefixtures("both_doors")
ANSWER = (
    b'{"id":"x","choices":[{"message":{"content":"hi"}}],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":1}, "odd" :[1.0e2,"\\u00e8"]}'
)


def answering(body):
    return scripted_engine(plain(200, body))


async def test_an_answer_passes_byte_for_byte_and_so_does_the_question():
    question = b'{ "model":"chat",\t"messages":[{"role":"user","content":"\\u00e8"}], "odd": 1.50 }'
    async with (
        scripted_engine(plain(200, ANSWER)) as engine,
        served({"chat": engine.address}) as it,
    ):
        response = await it.post("/v1/chat/completions", question)
    assert response.status_code == 200
    assert response.content == ANSWER
    assert engine.requests == [question]
    assert response.headers["x-slipway-deployment"] == "chat"
    assert response.headers["x-request-id"]


async def test_the_engine_never_sees_the_key_or_a_cookie():
    async with (
        scripted_engine(plain(200, ANSWER)) as engine,
        served({"chat": engine.address}) as it,
    ):
        await it.post("/v1/chat/completions", chat(), cookie="slipway_session=abc")
    head = engine.heads[0].lower()
    assert b"slip_" not in head
    assert b"cookie" not in head
    assert b"authorization" not in head


async def test_a_stream_passes_and_asks_for_usage_that_the_client_does_not_see():
    usage = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
    async with (
        scripted_engine(HEAD, delta("a"), delta("b"), event(usage), DONE, END) as engine,
        served({"chat": engine.address}) as it,
    ):
        lines, _ = await it.events("/v1/chat/completions", chat(stream=True))
        record = it.records()[-1]
    pieces = [m["choices"][0]["delta"]["content"] for m in data_of(lines)[:-1]]
    assert pieces == ["a", "b"]
    assert lines[-2] == "data: [DONE]"
    assert json.loads(engine.requests[0])["stream_options"] == {"include_usage": True}
    assert (record.prompt_tokens, record.completion_tokens, record.status) == (7, 2, "ok")


async def test_usage_that_the_client_asked_for_is_shown():
    usage = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
    asked = chat(stream=True, stream_options={"include_usage": True})
    async with (
        scripted_engine(HEAD, delta("a"), event(usage), DONE, END) as engine,
        served({"chat": engine.address}) as it,
    ):
        lines, _ = await it.events("/v1/chat/completions", asked)
    assert data_of(lines)[-2] == usage
    assert json.loads(engine.requests[0]) == asked


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/v1", "GET", 404, "unknown_url"),
        ("/v1/", "GET", 404, "unknown_url"),
        ("/v1/metrics", "GET", 404, "unknown_url"),
        ("/v1/%2e%2e/pause", "POST", 404, "unknown_url"),
        ("/v1/chat/completions/", "POST", 404, "unknown_url"),
        ("/v1/chat/completions/control", "POST", 404, "unknown_url"),
        ("/v1/audio/transcriptions", "POST", 404, "unknown_url"),
        ("/v1/models/other", "GET", 404, "model_not_found"),
        ("/v1/models/a/b", "GET", 404, "unknown_url"),
        ("/v1/models", "POST", 405, "method_not_supported"),
        ("/v1/chat/completions", "GET", 405, "method_not_supported"),
    ],
)
async def test_what_is_not_listed_is_not_there(path, method, status, code):
    async with answering(b"{}") as engine, served({"chat": engine.address}) as it:
        response = await it.client.request(method, path, content=b"{}")
    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    assert not engine.requests


async def test_what_is_not_the_gateways_goes_elsewhere():
    async with served() as it:
        for path in ("/", "/v2", "/invocations", "/metrics", "/api/v1/me", "/V1/models"):
            assert (await it.client.get(path)).status_code == 299


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        (b"{", 422, "invalid_json", None),
        (b"[]", 422, "invalid_value", "body"),
        (b"\xff\xfe", 422, "invalid_json", None),
        (b"{}", 422, "invalid_value", "model"),
        (b'{"model": 7}', 422, "invalid_value", "model"),
        (b'{"model": "chat", "stop": [1]}', 422, "invalid_value", "stop"),
        (b'{"model": "chat", "n": 100000}', 422, "invalid_value", "n"),
        (b'{"model": "chat", "max_tokens": 1000000000}', 422, "invalid_value", "max_tokens"),
        (b'{"model": "chat", "stop": [' + b'"x",' * 9999 + b'"x"]}', 422, "invalid_value", "stop"),
        (b'{"model":"chat","x":' + b"[" * 9999 + b"]" * 9999 + b"}", 422, "invalid_json", None),
        (b'{"model": "absent"}', 404, "model_not_found", None),
        (b'{"model": "chat", "stream_options": 3}', 422, "invalid_value", "stream_options"),
    ],
)  # fmt: skip
async def test_a_wrong_body_is_refused_in_openais_shape(body, status, code, param):
    async with answering(b"{}") as engine, served({"chat": engine.address}) as it:
        response = await it.post("/v1/chat/completions", body)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert not engine.requests


async def test_a_body_over_the_limit_is_refused_while_it_is_read():
    sent = 0

    async def endless():
        nonlocal sent
        while sent < 64 << 20:
            sent += 1 << 16
            yield b" " * (1 << 16)

    async with answering(b"{}") as engine, served({"chat": engine.address}) as it:
        announced = await it.post("/v1/chat/completions", b" " * (5 << 20))
        with suppress(httpx.TransportError):  # it is still sending when the answer comes
            counted = await it.client.post("/v1/chat/completions", content=endless())
            assert counted.status_code == 413
    assert announced.status_code == 413
    assert announced.json()["error"]["code"] == "request_too_large"
    assert sent < 32 << 20
    assert not engine.requests


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "image_url", "image_url": {"url": "http://169.254.169.254/latest"}}],
        [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}],
        [{"type": "image_url", "image_url": "https://example.org/a.png"}],
        [{"type": "input_image", "image_url": "https://example.org/a.png"}],
        [{"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}],
        [{"type": "video_url", "video_url": {"url": " HTTP://example.org/a"}}],
    ],
)
@pytest.mark.parametrize("escaped", [False, True])
async def test_an_engine_is_never_sent_to_fetch_something(content, escaped):
    body = json.dumps(chat() | {"messages": [{"role": "user", "content": content}]})
    if escaped:
        body = body.replace("url", "\\u0075rl").replace("http", "\\u0068ttp")
    async with answering(b"{}") as engine, served({"chat": engine.address}) as it:
        response = await it.post("/v1/chat/completions", body.encode())
    assert response.status_code == 422
    assert "data:" in response.json()["error"]["message"]
    assert not engine.requests


async def test_pictures_sent_along_pass_and_an_address_in_plain_text_too():
    content = [
        {"type": "text", "text": "see http://example.org/?url=x"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    body = chat(api_base="http://evil.example", url="x") | {
        "messages": [{"role": "user", "content": content}]
    }
    async with (
        scripted_engine(plain(200, ANSWER)) as engine,
        served({"chat": engine.address}) as it,
    ):
        response = await it.post("/v1/chat/completions", body)
    assert response.status_code == 200
    assert len(engine.requests) == 1


async def test_the_engines_refusal_keeps_its_status_and_gets_openais_code():
    said = {
        "code": 400,
        "message": "request (9 tokens) exceeds",
        "type": "exceed_context_size_error",
    }
    async with (
        scripted_engine(plain(400, json.dumps({"error": said}).encode())) as engine,
        served({"chat": engine.address}) as it,
    ):
        response = await it.chat()
    assert response.status_code == 400
    assert response.json()["error"] == {
        "message": "request (9 tokens) exceeds",
        "type": "invalid_request_error",
        "param": None,
        "code": "context_length_exceeded",
    }


async def test_an_engine_that_dies_mid_stream_ends_in_an_error_and_no_done():
    async with (
        scripted_engine(HEAD, delta("half"), chunk(b'data: {"choi'), 0.05, RESET) as engine,
        served({"chat": engine.address}) as it,
    ):
        lines, _ = await it.events("/v1/chat/completions", chat(stream=True))
    *pieces, last = data_of(lines)
    assert [m["choices"][0]["delta"]["content"] for m in pieces] == ["half"]
    assert last["error"]["code"] == "engine_died"
    assert last["error"]["type"] == "server_error"
    assert len(engine.requests) == 1


async def test_an_engine_that_ends_without_done_is_an_engine_that_died():
    async with (
        scripted_engine(HEAD, delta("half"), END) as engine,
        served({"chat": engine.address}) as it,
    ):
        lines, _ = await it.events("/v1/chat/completions", chat(stream=True))
    assert data_of(lines)[-1]["error"]["code"] == "engine_died"


async def test_nothing_sent_yet_is_an_error_with_a_status():
    async with scripted_engine(HEAD, END) as engine, served({"chat": engine.address}) as it:
        response = await it.chat(stream=True)
    assert response.status_code == 502
    assert response.json()["error"]["code"] == "engine_died"


async def test_an_error_in_the_middle_of_a_stream_is_told_in_shape():
    said = event({"error": {"message": "slot unavailable", "type": "server_error", "code": 500}})
    async with (
        scripted_engine(HEAD, delta("a"), said, DONE, END) as engine,
        served({"chat": engine.address}) as it,
    ):
        lines, _ = await it.events("/v1/chat/completions", chat(stream=True))
    *_, last = data_of(lines)
    assert last["error"]["message"] == "slot unavailable"
    assert "data: [DONE]" not in lines


async def test_half_a_whole_answer_is_not_an_answer():
    half = b"HTTP/1.1 200 X\r\nContent-Length: 900\r\nContent-Type: application/json\r\n\r\n{"
    async with (
        scripted_engine(half, 0.05, RESET) as engine,
        served({"chat": engine.address}) as it,
    ):
        response = await it.chat()
    assert response.status_code == 502


async def test_a_large_whole_answer_passes_as_it_comes():
    big = json.dumps({"data": ["x" * 99] * 20_000}).encode()
    async with scripted_engine(plain(200, big)) as engine, served({"chat": engine.address}) as it:
        response = await it.post("/v1/embeddings", {"model": "chat", "input": "x"})
    assert response.content == big


async def test_a_client_that_leaves_stops_the_engine():
    async with (
        scripted_engine(HEAD, delta("a"), STALL) as engine,
        served({"chat": engine.address}) as it,
    ):
        async with it.client.stream(
            "POST", "/v1/chat/completions", content=json.dumps(chat(stream=True))
        ) as response:
            await anext(response.aiter_lines())
        await asyncio.wait_for(engine.hung_up.wait(), 2)
        await asyncio.sleep(0.05)
        record = it.records()[-1]
    assert (record.status, record.completion_tokens) == ("cancelled", 1)


async def test_a_client_that_leaves_before_the_first_byte_stops_the_engine():
    async with scripted_engine(STALL) as engine, served({"chat": engine.address}) as it:
        with pytest.raises(httpx.ReadTimeout):
            await it.client.post("/v1/chat/completions", content=json.dumps(chat()), timeout=0.3)
        await asyncio.wait_for(engine.hung_up.wait(), 2)


async def test_two_deployments_and_a_scope():
    deployment = await sync_to_async(make_deployment)("mine")
    scope = KeyScope(deployments=["mine"], routes=[KeyRoute.CHAT])
    async with (
        scripted_engine(plain(200, ANSWER)) as engine,
        served({"other": engine.address}, scope=scope) as it,
    ):
        listed = (await it.client.get("/v1/models")).json()
        shown = (await it.client.get("/v1/models/mine")).json()
        hidden = await it.client.get("/v1/models/other")
        forbidden = await it.chat("other")
        wrong_route = await it.post("/v1/embeddings", {"model": "mine", "input": "x"})
        not_ready = await it.chat("mine")
    assert [model["id"] for model in listed["data"]] == ["mine"]
    assert shown["object"] == "model"
    assert hidden.status_code == forbidden.status_code == 404
    assert forbidden.json()["error"]["code"] == "model_not_found"
    assert wrong_route.status_code == 403
    assert not_ready.status_code == 503
    assert int(not_ready.headers["retry-after"]) >= 1
    assert not engine.requests
    assert deployment.name in not_ready.json()["error"]["message"]


async def test_the_shipped_fake_engine_in_both_ways():
    with fake_engine(tokens_per_s=0, seed=1) as engine:
        async with served({"chat": engine.address}) as it:
            whole = (await it.chat(max_tokens=5)).json()
            lines, _ = await it.events("/v1/chat/completions", chat(max_tokens=5, stream=True))
            text = (await it.post("/v1/completions", {"model": "chat", "prompt": "x"})).json()
            vector = (await it.post("/v1/embeddings", {"model": "chat", "input": "x"})).json()
            await it.desk.usage.write_now()
    assert whole["usage"]["completion_tokens"] == 5
    streamed = "".join(
        m["choices"][0]["delta"].get("content") or "" for m in data_of(lines) if m != "[DONE]"
    )
    assert streamed == whole["choices"][0]["message"]["content"]
    assert text["object"] == "text_completion"
    assert len(vector["data"][0]["embedding"]) == 64


async def test_a_refusal_is_written_down_with_the_replica_that_refused():
    async with (
        scripted_engine(plain(400, b'{"error":{"message":"no"}}')) as engine,
        served({"chat": engine.address}) as it,
    ):
        assert (await it.chat()).status_code == 400
        (record,) = it.records()
    assert record.status == "ENGINE_REFUSED"
    assert record.replica_id is not None
