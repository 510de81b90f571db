"""Text out of the bytes of requests and answers, whatever the protocol."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_app.domain.transcripts import TEXT_LIMIT, answer_text, question_text


def raw(value: object) -> bytes:
    return json.dumps(value).encode()


IMAGE = {"type": "image_url", "image_url": {"url": "data:..."}}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"messages": [{"role": "user", "content": "Hi"}]}, "user: Hi"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look"}, IMAGE]}]},
            "user: Look",
        ),
        ({"system": "S", "messages": [{"role": "user", "content": "Hi"}]}, "S\n\nuser: Hi"),
        ({"prompt": "One, two,"}, "One, two,"),
        ({"input": ["a", "b"]}, "a\nb"),
        ({"messages": "odd", "model": "m"}, ""),
    ],
)  # fmt: skip
def test_questions(body: object, text: str) -> None:
    assert question_text(raw(body)) == text


def event(value: object) -> bytes:
    return b"data: " + raw(value) + b"\n\n"


def test_answers_whole_and_streamed() -> None:
    whole = {"choices": [{"message": {"role": "assistant", "content": "Hello"}}]}
    parts = [event({"choices": [{"delta": {"content": text}}]}) for text in ("Hel", "lo")]
    assert answer_text(raw(whole)) == "Hello"
    assert answer_text(b"".join(parts) + b"data: [DONE]\n\n") == "Hello"
    assert answer_text(b"".join(parts)[:-30]) == "Hel"
    assert answer_text(raw({"choices": [{"text": "Hello"}]})) == "Hello"
    anthropic = [event({"type": "content_block_delta", "delta": {"text": "Hello"}})]
    assert answer_text(b"event: content_block_delta\n" + anthropic[0]) == "Hello"
    response = {"output": [{"content": [{"type": "output_text", "text": "Hello"}]}]}
    assert answer_text(raw(response)) == "Hello"
    assert answer_text(event({"type": "response.output_text.delta", "delta": "Hello"})) == "Hello"


def test_calls_of_tools_are_told() -> None:
    call = {"function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    whole = {"choices": [{"message": {"content": None, "tool_calls": [call]}}]}
    assert answer_text(raw(whole)) == 'weather{"city": "Rome"}'


def test_what_is_long_is_cut() -> None:
    assert len(question_text(raw({"prompt": "x" * 99_999}))) < TEXT_LIMIT + 10


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "messages",
                    "choices",
                    "delta",
                    "content",
                    "message",
                    "text",
                    "output",
                    "tool_calls",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON | st.binary(max_size=50))
def test_nothing_that_engines_or_programs_send_breaks_it(value: object) -> None:
    content = value if isinstance(value, bytes) else raw(value)
    assert isinstance(question_text(content), str)
    assert isinstance(answer_text(content), str)
    assert isinstance(answer_text(b"data: " + content + b"\n\n"), str)
