"""Any cut of the same bytes gives the same bytes, figures and end."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.gateway.meter import Meter
from controlplane.gateway.v1.stream_reader import HELD_LIMIT, StreamReader
from models_app.domain.gateway import KeyRoute


def read(chunks, route=KeyRoute.CHAT, hides_usage=True):
    progress = [0]

    def on_token():
        progress[0] += 1

    meter = Meter()
    reader = StreamReader(route, meter, on_token, hides_usage=hides_usage)
    out = b"".join(reader.feed(chunk) for chunk in chunks)
    figures = meter.figures()
    failed = reader.failed and (type(reader.failed).__name__, str(reader.failed))
    return out, reader.ended, failed, figures.completion_tokens, figures.prompt_tokens


def told(message):
    return f"data: {json.dumps(message)}"


def choice(**delta):
    return told({"choices": [{"index": 0, "delta": delta}]})


EVENTS = st.sampled_from(
    [
        choice(role="assistant", content=None),
        choice(content="a"),
        choice(content='tricky "usage": {"error"} [DONE] data: \\n\\n è 🙂'),
        choice(content='event: error\ndata: {"error": 1}'),
        choice(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": "{}"}}]),
        told({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 9}}),
        told({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": None}),
        told({"choices": [{"delta": {"content": "x"}}], "usage": {"prompt_tokens": 3}}),
        'data: {"choices": [\ndata: {"delta": {"content": "two lines"}}]}',
        ": keep alive",
        "id: 7\nretry: 10",
        "",
        "data: [DONE]",
        told({"error": {"message": "no", "code": 500}}),
        "event: error\n" + told({"message": "no"}),
        "data: {broken",
        "data: [1, 2]",
    ]
)
STREAMS = st.tuples(
    st.lists(EVENTS, max_size=12),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "data: {", "\r"]),
).map(lambda t: "".join(e.replace("\n", t[1]) + t[1] * 2 for e in t[0]).encode() + t[2].encode())


def cut(raw, places):
    edges = sorted({min(place, len(raw)) for place in places} | {0, len(raw)})
    return [raw[a:b] for a, b in pairwise(edges)]


@settings(max_examples=400, deadline=None)
@given(STREAMS, st.lists(st.integers(0, 2000), max_size=30), st.booleans())
def test_any_cut_gives_the_same(raw, places, hides):
    whole = read([raw], hides_usage=hides)
    assert read(cut(raw, places), hides_usage=hides) == whole
    assert read([raw[i : i + 1] for i in range(len(raw))], hides_usage=hides) == whole


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=10))
@pytest.mark.parametrize("route", [KeyRoute.CHAT, KeyRoute.MESSAGES, KeyRoute.RESPONSES])
def test_nonsense_never_raises_and_any_cut_gives_the_same(route, raw, places):
    assert read(cut(raw, places), route) == read([raw], route)


@given(st.lists(st.integers(0, 300), max_size=10))
def test_nothing_is_lost_or_changed_but_the_hidden_usage(places):
    usage = told({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}})
    events = [choice(content="a"), usage, choice(content="b"), "data: [DONE]"]
    raw = "".join(f"{event}\n\n" for event in events).encode()
    out, ended, failed, tokens, prompt = read(cut(raw, places))
    assert out == raw.replace(f"{usage}\n\n".encode(), b"")
    assert (ended, failed, tokens, prompt) == (True, None, 2, 5)


def test_what_follows_the_end_is_not_passed_on():
    out, ended, *_ = read([b"data: [DONE]\n\n", b"data: more\n\n"])
    assert (out, ended) == (b"data: [DONE]\n\n", True)


def test_half_an_event_waits():
    out, ended, failed, *_ = read([b"data: {", b'"choices": ['])
    assert (out, ended, failed) == (b"", False, None)


def test_an_endless_event_is_refused_not_hoarded():
    out, _, failed, *_ = read([b"data: " + b"x" * 65536] * (HELD_LIMIT // 65536 + 1))
    assert out == b""
    assert failed[0] == "StreamMalformedError"


def test_anthropics_messages():
    raw = (
        b'event: message_start\ndata: {"type":"message_start","message":{"usage":'
        b'{"input_tokens":11,"output_tokens":1,"cache_read_input_tokens":4}}}\n\n'
        b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"a"}}\n\n'
        b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"b"}}\n\n'
        b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":7}}\n\n'
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    )
    assert read([raw], KeyRoute.MESSAGES) == (raw, True, None, 7, 11)


def test_openais_responses():
    raw = (
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",'
        b'"delta":"a"}\n\n'
        b'event: response.completed\ndata: {"type":"response.completed","response":'
        b'{"usage":{"input_tokens":3,"output_tokens":2}}}\n\n'
    )
    assert read([raw], KeyRoute.RESPONSES) == (raw, True, None, 2, 3)
