"""The Ollama face, spoken to by Ollama's own client, over engines that speak OpenAI."""

import json
from contextlib import asynccontextmanager

import ollama
import pytest

from controlplane.gateway.v1.ollama_shapes import chat_body
from tests.controlplane.gateway.scripted_engine import (
    DONE,
    END,
    HEAD,
    RESET,
    delta,
    event,
    plain,
    scripted_engine,
)
from tests.controlplane.gateway.v1.served import served
from tests.fake_engine import fake_engine

HELLO = [{"role": "user", "content": "Hello"}]
USAGE = event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}})


@asynccontextmanager
async def client_of(it):
    client = ollama.AsyncClient(
        host=f"http://{it.address}", headers={"Authorization": f"Bearer {it.key}"}
    )
    yield client
    await client._client.aclose()  # it has no word for it


async def test_ollamas_client_chats_generates_embeds_and_lists():
    with fake_engine(tokens_per_s=0, seed=1) as engine:
        async with (
            served({"chat": engine.address}, ollama_face=True) as it,
            client_of(it) as client,
        ):
            whole = await client.chat("chat:latest", HELLO, options={"num_predict": 5})
            streamed = [
                part
                async for part in await client.chat(
                    "chat", HELLO, stream=True, options={"num_predict": 5}
                )
            ]
            said = await client.generate("chat", "Hello", options={"num_predict": 4})
            vectors = await client.embed("chat", ["a", "b"])
            listed, running = await client.list(), await client.ps()
            shown = await client.show("chat")
            version = (await it.client.get("/api/version")).json()
            records = it.records()
    text = "".join(part.message.content for part in streamed)
    assert text == whole.message.content != ""
    assert (streamed[-1].done, streamed[-1].done_reason) == (True, "length")
    assert streamed[-1].eval_count == whole.eval_count == 5
    assert said.response
    assert len(vectors.embeddings) == 2
    assert [one.model for one in listed.models] == [one.model for one in running.models] == ["chat"]
    assert shown.capabilities == ["completion"]
    assert version["version"]
    assert [record.status for record in records] == ["ok"] * 4


async def test_what_reaches_the_engine():
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    past = [
        *HELLO,
        {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
        {"role": "tool", "content": "ok"},
        {"role": "user", "content": "look", "images": ["iVBORw0KGgo="]},
    ]
    asked = {
        "model": "chat",
        "messages": past,
        "tools": [tool],
        "format": {"type": "object"},
        "options": {"num_predict": 9, "stop": ["x"], "num_ctx": 4096, "temperature": 0.5},
        "keep_alive": "5m",
        "stream": False,
    }
    said = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}
    async with (
        scripted_engine(plain(200, json.dumps(said).encode())) as engine,
        served({"chat": engine.address}, ollama_face=True) as it,
    ):
        response = await it.post("/api/chat", asked)
    assert response.json()["message"] == {"role": "assistant", "content": "hi"}
    sent = json.loads(engine.requests[0])
    assert (sent["max_tokens"], sent["stop"], sent["temperature"]) == (9, ["x"], 0.5)
    assert "num_ctx" not in sent
    assert sent["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert sent["tools"] == [tool]
    assert json.loads(sent["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"a": 1}
    assert sent["messages"][3]["content"][1]["image_url"]["url"].startswith("data:image/png;base64")


async def test_answers_of_tools_belong_to_their_calls():
    def call(name: str, **fields: str) -> dict[str, object]:
        return {"function": {"name": name, "arguments": {}}, **fields}

    past = [
        *HELLO,
        {"role": "assistant", "tool_calls": [call("f"), call("g")]},
        {"role": "tool", "content": "of f"},
        {"role": "tool", "content": "of g"},
        {"role": "assistant", "tool_calls": [call("h"), call("i", id="mine")]},
        {"role": "tool", "content": "of i", "tool_call_id": "mine"},
        {"role": "tool", "content": "of h"},
    ]
    messages = chat_body({"model": "chat", "messages": past})["messages"]
    calls = [one["id"] for message in messages for one in message.get("tool_calls", ())]
    answers = {one["content"]: one["tool_call_id"] for one in messages if one["role"] == "tool"}
    assert len(set(calls)) == 4
    assert list(answers) == ["of f", "of g", "of i", "of h"]
    assert [answers[f"of {name}"] for name in "fghi"] == calls


async def test_tool_calls_come_whole_at_the_end():
    first = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": '{"a'}}]}
    rest = {"tool_calls": [{"index": 0, "function": {"arguments": '": 1}'}}]}
    parts = [event({"choices": [{"index": 0, "delta": one}]}) for one in (first, rest)]
    async with (
        scripted_engine(HEAD, *parts, USAGE, DONE, END) as engine,
        served({"chat": engine.address}, ollama_face=True) as it,
        client_of(it) as client,
    ):
        lines = [part async for part in await client.chat("chat", HELLO, stream=True)]
    (call,) = lines[-1].message.tool_calls
    assert (call.function.name, call.function.arguments) == ("f", {"a": 1})
    assert lines[-1].prompt_eval_count == 7


async def test_an_engine_that_dies_is_told_in_a_line():
    async with (
        scripted_engine(HEAD, delta("half"), 0.05, RESET) as engine,
        served({"chat": engine.address}, ollama_face=True) as it,
    ):
        response = await it.post("/api/chat", {"model": "chat", "messages": HELLO})
    *_, last = [json.loads(line) for line in response.text.splitlines()]
    assert set(last) == {"error"}


@pytest.mark.parametrize("path", ["/api/chat", "/api/tags", "/api/show"])
async def test_only_a_key_that_has_this_face(path):
    async with served({}) as it:
        method = "GET" if path == "/api/tags" else "POST"
        refused = await it.client.request(method, path, content=b"{}")
        del it.client.headers["authorization"]
        stranger = await it.client.request(method, path, content=b"{}")
    assert (refused.status_code, stranger.status_code) == (403, 401)
    assert set(refused.json()) == {"error"}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/chat", {"model": "absent", "messages": HELLO}, 404),
        ("/api/chat", {"model": "chat", "messages": "x"}, 422),
        ("/api/chat", {"messages": HELLO}, 422),
        ("/api/generate", {"model": "chat", "prompt": "x", "raw": True}, 422),
        ("/api/show", {"model": "absent"}, 404),
        ("/api/tags", {}, 405),
    ],
)
async def test_what_is_wrong_is_told_in_ollamas_shape(path, body, status):
    async with (
        scripted_engine(plain(200, b"{}")) as engine,
        served({"chat": engine.address}, ollama_face=True) as it,
    ):
        response = await it.post(path, body)
    assert response.status_code == status
    assert isinstance(response.json()["error"], str)
    assert not engine.requests
