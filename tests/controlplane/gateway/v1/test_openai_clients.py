"""The official clients of OpenAI against the gateway, real llama.cpp and the fake engine behind."""

import asyncio
import json
import time

import openai
import pytest

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
from tests.controlplane.gateway.v1.real_llamacpp import llamacpp
from tests.controlplane.gateway.v1.served import served
from tests.fake_engine import fake_engine
from tests.requirements import need
from tests.tools import tool
from tests.weather_tool import TOOL

pytestmark = pytest.mark.slow
HELLO = [{"role": "user", "content": "Say hello."}]
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}
TOOL_CALL = json.dumps(
    {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": "c1",
                            "type": "function",
                            "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'},
                        }
                    ],
                },
            }
        ],
    }
).encode()
FORMAT = {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}}


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    with llamacpp(tmp_path_factory.mktemp("llamacpp")) as address:
        yield address


@pytest.fixture(scope="module")
def fake():
    with fake_engine(tokens_per_s=200, seed=3) as engine:
        yield engine


def client_of(it, **more):
    return openai.AsyncOpenAI(base_url=it.base, api_key=it.key, **{"max_retries": 0, **more})


async def test_chat_stream_tools_and_structured_output_of_a_real_engine(real):
    async with served({"smol": real}) as it, client_of(it) as client:
        whole = await client.chat.completions.create(
            model="smol", messages=HELLO, max_tokens=8, temperature=0
        )
        stream = await client.chat.completions.create(
            model="smol", messages=HELLO, max_tokens=8, temperature=0, stream=True,
            stream_options={"include_usage": True},
        )  # fmt: skip
        chunks = [chunk async for chunk in stream]
        offered = await client.chat.completions.create(
            model="smol", messages=HELLO, tools=[TOOL], max_tokens=2
        )
        structured = await client.chat.completions.create(
            model="smol", messages=[{"role": "user", "content": "What is 1 + 1?"}],
            response_format=FORMAT, max_tokens=40, temperature=0,
        )  # fmt: skip
        logprobs = await client.chat.completions.create(
            model="smol", messages=HELLO, max_tokens=2, logprobs=True, top_logprobs=2
        )
        text = await client.completions.create(model="smol", prompt="One, two,", max_tokens=3)
        models = [model.id async for model in client.models.list()]
        await it.desk.usage.write_now()
    said = whole.choices[0].message.content
    assert said
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == said
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert offered.choices[0].message.content  # its template has no place for tools
    assert isinstance(json.loads(structured.choices[0].message.content)["answer"], int)
    assert len(logprobs.choices[0].logprobs.content[0].top_logprobs) == 2
    assert text.choices[0].text
    assert models == ["smol"]


async def test_tool_calls_whole_and_streamed():
    """Bytes as an engine may send them; a real model calls a tool in test_real_tools.py."""
    first = {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "get_weather"}}]}
    rest = {"tool_calls": [{"index": 0, "function": {"arguments": '{"city": "Rome"}'}}]}
    parts = [event({"choices": [{"index": 0, "delta": one}]}) for one in (first, rest)]
    async with (
        scripted_engine(plain(200, TOOL_CALL)) as whole,
        scripted_engine(HEAD, *parts, DONE, END) as streaming,
        served({"whole": whole.address, "streaming": streaming.address}) as it,
        client_of(it) as client,
    ):
        wish = {"messages": HELLO, "tools": [TOOL], "tool_choice": "required"}
        said = await client.chat.completions.create(model="whole", **wish)
        stream = await client.chat.completions.create(model="streaming", stream=True, **wish)
        pieces = [chunk.choices[0].delta.tool_calls[0].function async for chunk in stream]
    assert said.choices[0].message.tool_calls[0].function.name == "get_weather"
    assert pieces[0].name == "get_weather"
    assert pieces[1].arguments == '{"city": "Rome"}'
    assert json.loads(whole.requests[0])["tools"] == [TOOL]


async def test_responses_and_anthropics_messages_where_the_engine_has_them(real):
    async with served({"smol": real}) as it, client_of(it) as client:
        response = await client.responses.create(model="smol", input="Say hello.", temperature=0)
        stream = await client.responses.create(
            model="smol", input="Say hello.", stream=True, temperature=0
        )
        kinds = [part.type async for part in stream]
        body = {"model": "smol", "max_tokens": 8, "messages": HELLO}
        message = await it.post("/v1/messages", body)
        lines, _ = await it.events("/v1/messages", body | {"stream": True})
        await asyncio.sleep(0.1)
        records = it.records()
    assert response.output_text
    assert kinds[-1] == "response.completed"
    assert message.json()["type"] == "message"
    assert "event: message_stop" in lines
    assert all(record.completion_tokens for record in records)
    assert [record.status for record in records] == ["ok"] * 4


async def test_leaving_a_stream_stops_the_engine_and_is_written_down(fake):
    async with served({"chat": fake.address}) as it, client_of(it) as client:
        stream = await client.chat.completions.create(
            model="chat", messages=HELLO, stream=True, extra_body={"fake": {"tokens_per_s": 5}}
        )
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                break
        await stream.close()
        began = time.monotonic()
        assert await asyncio.to_thread(fake.becomes_idle, 2)
        assert time.monotonic() - began < 2
        await asyncio.sleep(0.1)
        assert it.records()[-1].status == "cancelled"


async def test_embeddings(fake):
    async with served({"chat": fake.address}) as it, client_of(it) as client:
        found = await client.embeddings.create(
            model="chat", input=["a", "b"], encoding_format="float"
        )
    assert [len(one.embedding) for one in found.data] == [64, 64]


async def test_errors_are_the_clients_own_classes(fake):
    async with served({"chat": fake.address}) as it:
        async with client_of(it) as client:
            with pytest.raises(openai.NotFoundError) as unknown:
                await client.chat.completions.create(model="absent", messages=HELLO)
            with pytest.raises(openai.BadRequestError):
                await client.chat.completions.create(model="chat", messages=[])
            with pytest.raises(openai.UnprocessableEntityError):
                await client.chat.completions.create(model="chat", messages=HELLO, n=99)
        async with openai.AsyncOpenAI(base_url=it.base, api_key="x", max_retries=0) as stranger:
            with pytest.raises(openai.AuthenticationError):
                await stranger.models.list()
    assert unknown.value.code == "model_not_found"
    assert unknown.value.type == "invalid_request_error"


async def test_an_engine_that_crashes_stalls_or_talks_nonsense():
    async with (
        scripted_engine(HEAD, delta("half"), 0.05, RESET) as dying,
        scripted_engine(HEAD, delta("a"), event("{nonsense"), DONE, END) as raving,
        served({"dying": dying.address, "raving": raving.address}) as it,
        client_of(it) as client,
    ):
        for model in ("dying", "raving"):
            stream = await client.chat.completions.create(model=model, messages=HELLO, stream=True)
            with pytest.raises(openai.APIError):
                async for _ in stream:
                    pass


async def test_the_javascript_client(real, fake, tmp_path):
    need("openai-js")
    package = tool("openai-js", "node_modules/openai/package.json")
    assert package is not None
    script = tmp_path / "client.mjs"
    script.write_text(JAVASCRIPT.replace("OPENAI", f"{package.parent}/index.mjs"))
    async with (
        scripted_engine(plain(200, TOOL_CALL)) as caller,
        served({"smol": real, "chat": fake.address, "caller": caller.address}) as it,
    ):
        running = await asyncio.create_subprocess_exec(
            "node", str(script), it.base, it.key,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(running.communicate(), 120)
    assert running.returncode == 0, err.decode()
    said = json.loads(out)
    assert said["whole"]
    assert said["streamed"] == said["whole"]
    assert said["tool"] == "get_weather"
    assert isinstance(said["structured"]["answer"], int)
    assert said["embedding"] == 64
    assert said["missing"] == [404, "model_not_found"]
    assert said["stranger"] == [401, "invalid_api_key"]
    assert said["cancelled"] > 0


JAVASCRIPT = """
import OpenAI from "OPENAI";
const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "Say hello." }];
const base = { model: "smol", messages, max_tokens: 8, temperature: 0 };
const create = (more) => client.chat.completions.create({ ...base, ...more });
const said = {};
said.whole = (await create({})).choices[0].message.content;
said.streamed = "";
for await (const chunk of await create({ stream: true }))
  said.streamed += chunk.choices[0]?.delta?.content ?? "";
const forced = await create({ model: "caller", tool_choice: "required", tools: [TOOL] });
said.tool = forced.choices[0].message.tool_calls[0].function.name;
const typed = await create({ max_tokens: 40, response_format: FORMAT });
said.structured = JSON.parse(typed.choices[0].message.content);
const vectors = await client.embeddings.create({
  model: "chat", input: "x", encoding_format: "float",
});
said.embedding = vectors.data[0].embedding.length;
const failure = async (call) => { try { await call(); } catch (e) { return [e.status, e.code]; } };
said.missing = await failure(() => create({ model: "absent" }));
const stranger = new OpenAI({ baseURL, apiKey: "x", maxRetries: 0 });
said.stranger = await failure(() => stranger.models.list());
said.cancelled = 0;
const stream = await create({ model: "chat", stream: true, max_tokens: 500 });
for await (const chunk of stream) { said.cancelled += 1; if (said.cancelled > 3) break; }
console.log(JSON.stringify(said));
""".replace("[TOOL]", json.dumps([TOOL])).replace("FORMAT", json.dumps(FORMAT))
