"""Streamed chat completions: pieces, figures, and every dishonest end is an error."""

import json

import pytest

from controlplane.gateway.completions import ChatStream, Piece, ToolCallPiece
from controlplane.gateway.errors import (
    EngineDiedError,
    EngineMalformedError,
    EngineRefusedError,
    RoutingError,
)
from controlplane.gateway.meter import Meter
from tests.controlplane.gateway.routing import ask, router_to
from tests.controlplane.gateway.scripted_engine import (
    DONE,
    END,
    HEAD,
    RESET,
    chunk,
    delta,
    event,
    plain,
    scripted_engine,
)


async def converse(*script):
    meter = Meter()
    pieces, stream, error = [], None, None
    async with scripted_engine(*script) as engine, router_to(engine.address) as router:
        try:
            async with router.ask(ask()) as routed:
                stream = ChatStream(routed.answer, meter)
                async for piece in stream.pieces():
                    pieces.append(piece)  # noqa: PERF401 - what came before an error counts
        except RoutingError as caught:
            error = caught
    return pieces, stream, meter.figures(), error


async def test_text_thinking_and_usage():
    usage = {
        "prompt_tokens": 12,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 8},
    }
    pieces, stream, figures, error = await converse(
        HEAD,
        event({"choices": [{"delta": {"role": "assistant", "content": None}}]}),
        event({"choices": [{"delta": {"reasoning_content": "hm"}}]}),
        delta("a"),
        0.01,
        delta("b", finish_reason="length"),
        event({"choices": [], "usage": usage}),
        DONE,
        END,
    )
    assert error is None
    assert pieces == [Piece("thinking", "hm"), Piece("text", "a"), Piece("text", "b")]
    assert stream.finish_reason == "length"
    assert (figures.prompt_tokens, figures.cached_tokens, figures.completion_tokens) == (12, 8, 2)
    assert not figures.counted
    assert figures.first_token_ms > 0
    assert figures.tokens_per_s > 0


async def test_tool_calls_keep_their_index():
    call = {"index": 1, "id": "c1", "function": {"name": "weather", "arguments": '{"a'}}
    pieces, *_ = await converse(
        HEAD, event({"choices": [{"delta": {"tool_calls": [call]}}]}), DONE, END
    )
    assert pieces == [ToolCallPiece(1, "weather", '{"a')]


@pytest.mark.parametrize("ending", [(END,), (RESET,), (0.05, RESET)])
async def test_an_end_without_done_is_an_engine_that_died(ending):
    pieces, _, figures, error = await converse(HEAD, delta("half"), *ending)
    assert pieces == [Piece("text", "half")]
    assert isinstance(error, EngineDiedError)
    assert (figures.completion_tokens, figures.counted) == (1, True)


async def test_an_error_event_in_the_middle_brings_the_engines_words():
    pieces, _, _, error = await converse(
        HEAD, delta("half"), event({"error": {"message": "slot lost", "code": 500}}), END
    )
    assert pieces == [Piece("text", "half")]
    assert isinstance(error, EngineRefusedError)
    assert error.params["message"] == "slot lost"


@pytest.mark.parametrize(
    "said",
    [
        event("{not json"),
        event("[1, 2]"),
        event('"text"'),
        event("null"),
        event({"choices": "none"}),
        event({"choices": [{"delta": {"content": 7}}]}),
        event({"choices": [{"delta": {"tool_calls": [{"index": "x"}]}}]}),
        event("[" * 100_000),
        chunk(b"data: " + b"x" * 1_500_000),
    ],
    ids=["json", "list", "string", "null", "choices", "content", "index", "deep", "huge"],
)
async def test_what_is_not_the_protocol_is_named_so(said):
    pieces, _, _, error = await converse(HEAD, delta("a"), said, DONE, END)
    assert pieces == [Piece("text", "a")]
    assert isinstance(error, EngineMalformedError)


async def test_an_answer_that_is_no_stream():
    body = json.dumps({"choices": [{"message": {"content": "a"}}]}).encode()
    _, _, _, error = await converse(plain(200, body))
    assert isinstance(error, EngineMalformedError)
