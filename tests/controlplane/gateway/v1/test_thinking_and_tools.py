"""Thinking and tool calls of a real model on a real Ollama server, through `/v1` and Ollama's face.

The model is led into both by its template: see `tests/led_model.py`.
"""

import json
from typing import Any

import ollama
import openai
import pytest

from tests.controlplane.gateway.v1.served import served
from tests.led_model import BASE, GREETING, NAME, QUESTION, THOUGHT, make_led_model
from tests.ollama_server import OllamaHouse
from tests.smollm2 import smollm2_artifact
from tests.weather_tool import TOOL

pytestmark = pytest.mark.slow
HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]
WEATHER: list[Any] = [{"role": "user", "content": QUESTION}]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("led")
    with OllamaHouse(folder / "ollama") as house:
        house.make(BASE, smollm2_artifact(folder / "models"))
        assert {"tools", "thinking"} <= set(make_led_model(house))
        yield house.url.removeprefix("http://")


async def test_openais_client_gets_thoughts_and_calls(address):
    async with served({NAME: address}) as it:
        client = openai.AsyncOpenAI(base_url=it.base, api_key=it.key, max_retries=0)
        fixed: dict[str, Any] = {"model": NAME, "max_tokens": 64, "temperature": 0, "seed": 1}
        said = await client.chat.completions.create(messages=HELLO, **fixed)
        stream = await client.chat.completions.create(messages=HELLO, stream=True, **fixed)
        parts = [chunk.choices[0].delta async for chunk in stream]
        called = await client.chat.completions.create(messages=WEATHER, tools=[TOOL], **fixed)
        await client.close()
    message = said.choices[0].message
    assert (message.reasoning, message.content) == (THOUGHT, GREETING)
    assert "".join(getattr(part, "reasoning", "") or "" for part in parts) == THOUGHT
    assert "".join(part.content or "" for part in parts) == GREETING
    calls: Any = called.choices[0].message.tool_calls
    (call,) = calls
    assert call.function.name == "get_weather"
    assert set(json.loads(call.function.arguments)) == {"city"}
    assert called.choices[0].finish_reason == "tool_calls"


async def test_ollamas_client_gets_them_too(address):
    async with served({NAME: address}, ollama_face=True) as it:
        client = ollama.AsyncClient(
            host=f"http://{it.address}", headers={"Authorization": f"Bearer {it.key}"}
        )
        options = {"num_predict": 64, "temperature": 0, "seed": 1}
        said = await client.chat(NAME, HELLO, options=options)
        stream = await client.chat(NAME, HELLO, options=options, stream=True)
        parts = [part.message async for part in stream]
        called = await client.chat(NAME, WEATHER, tools=[TOOL], options=options)
        await client._client.aclose()  # it has no word for it
    assert (said.message.thinking, said.message.content) == (THOUGHT, GREETING)
    assert "".join(part.thinking or "" for part in parts) == THOUGHT
    assert "".join(part.content or "" for part in parts) == GREETING
    calls: Any = called.message.tool_calls
    (call,) = calls
    assert call.function.name == "get_weather"
    assert set(call.function.arguments) == {"city"}
