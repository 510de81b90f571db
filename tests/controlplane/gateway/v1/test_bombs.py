"""S17: small requests that would cost an engine everything are refused before it sees them."""

import time
from typing import Any

import msgspec
import pytest

from controlplane.gateway.v1.body import read_fields
from models_app.domain.errors import InvalidError
from tests.controlplane.gateway.scripted_engine import plain, scripted_engine
from tests.controlplane.gateway.v1.served import chat, served

encode = msgspec.json.encode


def nested(levels, inner):
    for _ in range(levels):
        inner = {"type": "object", "properties": {"a": inner}}
    return inner


def schema(found):
    return {
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": found}}
    }


def tool(parameters):
    return {"tools": [{"type": "function", "function": {"name": "f", "parameters": parameters}}]}


STRING = {"type": "string"}
CYCLE = {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}
BOMBS = {
    "deep schema": (schema(nested(200, STRING)), "body"),
    "deep enough": (schema(nested(16, STRING)), "response_format"),
    "wide schema": (
        schema({"type": "object", "properties": {f"p{i}": STRING for i in range(6000)}}),
        "response_format",
    ),
    "long schema": (schema({"enum": ["x" * 300_000]}), "response_format"),
    "many letters": (schema({"type": "string", "maxLength": 10**9}), "response_format"),
    "many items": (schema({"type": "array", "minItems": 10**6}), "response_format"),
    "pattern": (schema({"type": "string", "pattern": "^a{1000000}$"}), "response_format"),
    "patterns within": (
        schema({"type": "string", "pattern": "^(((a{50}){50}){50}){50}$"}),
        "response_format",
    ),
    "brackets": (schema({"type": "string", "pattern": "(" * 900 + ")" * 900}), "response_format"),
    "itself": (schema({"$ref": "#"}), "response_format"),
    "each other": (schema({"$defs": CYCLE, "$ref": "#/$defs/a"}), "response_format"),
    "elsewhere": (schema({"$ref": "http://169.254.169.254/schema"}), "response_format"),
    "a tool's": (tool({"type": "string", "maxLength": 10**9}), "tools"),
    "a tool's reference": (tool({"$ref": "#"}), "tools"),
    "many tools": ({"tools": [{"type": "function"}] * 5000}, "tools"),
    "grammar": ({"grammar": 'root ::= "a"{1000000}'}, "grammar"),
    "grammar's brackets": ({"grammar": "root ::= " + "(" * 9000 + ")" * 9000}, "grammar"),
    "guided": ({"guided_regex": "(a{100000}){1000}"}, "guided_regex"),
    "stops": ({"stop": ["x"] * 1_000_000}, "stop"),
    "long stops": ({"stop": ["x" * 5000]}, "stop"),
    "n": ({"n": 10**9}, "n"),
    "no n": ({"n": 0}, "n"),
    "best of": ({"best_of": 100_000}, "best_of"),
    "top logprobs": ({"logprobs": True, "top_logprobs": 100_000}, "top_logprobs"),
    "logprobs": ({"logprobs": 100_000}, "logprobs"),
    "llama.cpp's": ({"n_probs": 100_000}, "n_probs"),
    "length": ({"max_tokens": 10**9}, "max_tokens"),
    "llama.cpp's length": ({"n_predict": 10**9}, "n_predict"),
    "no number of ours": ({"n": 10**18}, "n"),
    "biases": ({"logit_bias": {str(i): 1 for i in range(50_000)}}, "logit_bias"),
    "prompts": ({"prompt": ["x"] * 5000}, "prompt"),
    "lists": ({"x": [[]] * 200_000}, "body"),
}  # fmt: skip


@pytest.fixture(scope="module")
def bodies():
    return {name: encode(chat(**more)) for name, (more, _) in BOMBS.items()}


async def test_no_bomb_reaches_an_engine(bodies):
    """All of them in one go, each told with the field, and soon; then the next one is answered."""
    async with (
        scripted_engine(plain(200, b"{}")) as engine,
        served({"chat": engine.address}, limits={}) as it,
    ):
        for name, (_, field) in BOMBS.items():
            response = await it.post("/v1/chat/completions", bodies[name])
            assert response.status_code == 422, name
            error = response.json()["error"]
            assert (error["code"], error["param"]) == ("invalid_value", field), name
            assert error["type"] == "invalid_request_error"
        assert not engine.requests
        assert (await it.chat()).status_code == 200
    assert len(engine.requests) == 1


@pytest.mark.parametrize("name", BOMBS)
def test_looking_takes_no_time_that_others_would_miss(bodies, name):
    """One look at a time is all the loop does meanwhile: processor time, whoever else runs here."""
    began = time.thread_time()
    with pytest.raises(InvalidError):
        read_fields(bodies[name])
    assert time.thread_time() - began < 1.0


RECURSIVE = {
    "type": "object",
    "properties": {"child": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
}


@pytest.mark.parametrize(
    "more",
    [
        schema(nested(10, {"type": "string", "maxLength": 2000})),
        schema(RECURSIVE),
        schema({"$defs": {"a": STRING}, "properties": {"b": {"$ref": "#/$defs/a"}}}),
        schema({"type": "string", "pattern": r"^\(?[0-9]{3}\)?[-. ]?(\d{4}){1,2}$"}),
        schema({"type": "string", "description": "((((" * 20 + "a{99999}"}),
        tool(nested(10, STRING)),
        {"tools": [{"type": "function", "function": {"name": f"f{i}"}} for i in range(128)]},
        {"prompt": [1] * 8000},
        {"stop": ["\n\n", "User:"], "n": 4, "top_logprobs": 20, "logprobs": True},
        {"messages": [{"role": "user", "content": "[[[{{{" * 50_000}] * 3},
        {"messages": [{"role": "user", "content": '\\" [ { \\\\'}] * 500},
        {"grammar": 'root ::= "yes" | "no"'},
        {"max_tokens": -1, "logprobs": False, "stop": None},
    ],
)
def test_what_programs_ask_every_day_passes(more):
    assert read_fields(encode({**chat(), **more})).model == "chat"


async def test_no_other_word_for_its_length_gets_around_the_limit():
    async with (
        scripted_engine(plain(200, b"{}")) as engine,
        served({"chat": engine.address}, limits={"max_tokens_per_request": 50}) as it,
    ):
        ways: list[dict[str, Any]] = [
            {"n_predict": 5000},
            {"n_predict": -1},
            {"max_tokens": 5, "n_predict": -1},
            {"max_tokens": -1},
            {"max_tokens": 5, "max_completion_tokens": 51},
        ]
        for more in ways:
            response = await it.chat(**more)
            assert response.status_code == 422, more
        assert not engine.requests
