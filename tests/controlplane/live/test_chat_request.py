"""What may be asked of the playground, and what the engine and the reader of curl then get."""

import json
import shlex

import pytest

from controlplane.live.chat_request import as_curl, as_json, chat_request
from models_app.domain.errors import InvalidError


def request(**more):
    return {
        "id": "a1",
        "deployment": "chat",
        "messages": [{"role": "user", "content": "Hello"}],
        "parameters": {"max_tokens": 30},
    } | more


def tool(name, text=""):
    return {"type": "function", "function": {"name": name, "description": text}}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "root", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": "x", "name": "y"}]}, "messages.0.name"),
        ({"parameters": {"temperature": 3}}, "parameters.temperature"),
        ({"parameters": {"top_p": 0}}, "parameters.top_p"),
        ({"parameters": {"max_tokens": 0}}, "parameters.max_tokens"),
        ({"parameters": {"seed": -1}}, "parameters.seed"),
        ({"parameters": {"stop": ["x"] * 9}}, "parameters.stop"),
        ({"parameters": {"stop": [""]}}, "parameters.stop.0"),
        ({"parameters": {"n": 100}}, "parameters.n"),
        ({"parameters": {"tools": {}}}, "parameters.tools"),
        ({"parameters": {"tools": [{"type": "function"}]}}, "parameters.tools.0.function"),
        ({"parameters": {"tools": [tool("a b")]}}, "parameters.tools.0.function.name"),
        ({"parameters": {"tools": [tool("a")] * 17}}, "parameters.tools"),
        ({"parameters": {"tools": [tool("a", text="x" * 3999)] * 9}}, "parameters.tools"),
        ({"fake": {"crash_after_tokens": 1}}, "fake"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_field(change, field):
    with pytest.raises(InvalidError) as refused:
        chat_request(request(**change))
    assert refused.value.fields == {field: "VALUE_INVALID"}


@pytest.mark.parametrize("content", [None, [], "text", {}, request(id="x" * 50), request(id=7)])
def test_a_request_that_is_none(content):
    with pytest.raises(InvalidError):
        chat_request(content)


def test_the_engine_gets_what_was_set_and_nothing_else():
    parameters = {"temperature": 0, "stop": ["\n"], "seed": 0}
    body = chat_request(request(parameters=parameters)).body("chat")
    assert body == {
        "model": "chat",
        "messages": [{"role": "user", "content": "Hello"}],
        "temperature": 0,
        "stop": ["\n"],
        "seed": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize("text", ["it's", '"$(reboot)"', "`id`", "a\nb", "è 🙂", "\\", "'\"'"])
def test_curl_is_one_command_whatever_the_texts_hold(text):
    body = chat_request(request(messages=[{"role": "user", "content": text}])).body("chat")
    words = shlex.split(as_curl("https://slipway.lan", body).replace("\\\n", ""))
    assert words[:3] == ["curl", "-N", "https://slipway.lan/v1/chat/completions"]
    assert words[4] == "Authorization: Bearer $SLIPWAY_API_KEY"
    assert words[-2] == "-d"
    assert json.loads(words[-1]) == body == json.loads(as_json(body))
