"""A real model calls a tool through the gateway, asked by OpenAI's own clients.

SmolLM2 has no template for tools, so llama-server is given one; two calls earlier in the talk show
such a small model how it is done, and the engine's grammar holds it to the tool's schema.
"""

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.controlplane.gateway.v1.served import served
from tests.flows.house import free_port
from tests.requirements import need
from tests.smollm2 import smollm2_file
from tests.tools import tool
from tests.weather_tool import TOOL

pytestmark = pytest.mark.slow
STARTS_WITHIN_S = 120
TEMPLATE = Path(__file__).with_name("tools.jinja")


def asked(city: str) -> dict[str, object]:
    return {"role": "user", "content": f"What is the weather in {city}?"}


def called(city: str) -> dict[str, object]:
    function = {"name": "get_weather", "arguments": json.dumps({"city": city})}
    calls = [{"id": f"call-{city}", "type": "function", "function": function}]
    return {"role": "assistant", "content": "", "tool_calls": calls}


WISH: Any = {
    "model": "smol",
    "messages": [asked("Paris"), called("Paris"), asked("Madrid"), called("Madrid"), asked("Rome")],
    "tools": [TOOL],
    "tool_choice": "required",
    "max_tokens": 60,
    "temperature": 0,
}
JAVASCRIPT = """
import OpenAI from "OPENAI";
const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const wish = WISH;
const whole = await client.chat.completions.create(wish);
let name = "", text = "", reason = "";
for await (const chunk of await client.chat.completions.create({ ...wish, stream: true })) {
  const part = chunk.choices[0]?.delta?.tool_calls?.[0]?.function;
  name += part?.name ?? "";
  text += part?.arguments ?? "";
  reason = chunk.choices[0]?.finish_reason ?? reason;
}
const call = whole.choices[0].message.tool_calls[0].function;
console.log(JSON.stringify({
  whole: [call.name, JSON.parse(call.arguments), whole.choices[0].finish_reason],
  streamed: [name, JSON.parse(text), reason],
}));
"""
EXPECTED = ["get_weather", {"city": "Rome"}, "tool_calls"]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    need("llama-server")
    server = tool("llama.cpp", "llama-server")
    assert server is not None
    port = free_port()
    where = ["--host", "127.0.0.1", "--port", str(port)]
    how = ["--jinja", "--chat-template-file", str(TEMPLATE), "-c", "1024", "-t", "1", "-np", "1"]
    command = [str(server), "-m", str(smollm2_file()), *how, *where]
    path = tmp_path_factory.mktemp("llama-server") / "log"
    with path.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until = time.monotonic() + STARTS_WITHIN_S
        while not _is_up(port):
            assert process.poll() is None, path.read_text()
            assert time.monotonic() < until, path.read_text()
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _is_up(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


async def test_the_python_client_whole_and_streamed(engine: str) -> None:
    async with (
        served({"smol": engine}) as it,
        openai.AsyncOpenAI(base_url=it.base, api_key=it.key, max_retries=0) as client,
    ):
        whole = await client.chat.completions.create(**WISH)
        stream = await client.chat.completions.create(stream=True, **WISH)
        parts = [chunk.choices[0].delta.tool_calls async for chunk in stream if chunk.choices]
    call = whole.choices[0].message.tool_calls[0].function
    assert [call.name, json.loads(call.arguments), whole.choices[0].finish_reason] == EXPECTED
    pieces = [part[0].function for part in parts if part]
    assert pieces[0].name == "get_weather"
    assert json.loads("".join(one.arguments or "" for one in pieces)) == {"city": "Rome"}


async def test_the_javascript_client_whole_and_streamed(engine: str, tmp_path: Path) -> None:
    need("openai-js")
    package = tool("openai-js", "node_modules/openai/package.json")
    assert package is not None
    script = tmp_path / "client.mjs"
    text = JAVASCRIPT.replace("OPENAI", f"{package.parent}/index.mjs")
    script.write_text(text.replace("WISH", json.dumps(WISH)))
    async with served({"smol": engine}) as it:
        running = await asyncio.create_subprocess_exec(
            "node", str(script), it.base, it.key,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(running.communicate(), 120)
    assert running.returncode == 0, err.decode()
    assert json.loads(out) == {"whole": EXPECTED, "streamed": EXPECTED}
