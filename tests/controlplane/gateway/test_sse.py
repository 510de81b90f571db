"""The event parser: the standard's rules, and the same events for any cut of the same bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.gateway.sse import EventParser, EventTooLargeError, ServerEvent

LIMIT = 200


def events_of(chunks, limit=LIMIT):
    parser = EventParser(limit)
    found: list[object] = []
    try:
        for chunk in chunks:
            found.extend(parser.feed(chunk))
    except EventTooLargeError:
        found.append("too large")
    return found


@pytest.mark.parametrize(
    ("raw", "data"),
    [
        (b"data: a\n\n", ["a"]),
        (b"data:a\r\n\r\n", ["a"]),
        (b"data: a\r\rdata: b\r\r", ["a", "b"]),
        (b"data:  two spaces\n\n", [" two spaces"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b"data\n\n", [""]),
        (b": comment\n\n", []),
        (b"id: 7\nretry: 10\n\n", []),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        (b"data: unfinished\n", []),
        (b"data: \xff\n\n", ["\ufffd"]),
        ("data: è 語 🙂\n\n".encode(), ["è 語 🙂"]),
    ],
)
def test_the_standards_rules(raw, data):
    assert events_of([raw]) == [ServerEvent("message", text) for text in data]


def test_a_named_event_names_only_itself():
    assert events_of([b"event: error\ndata: a\n\ndata: b\n\n"]) == [
        ServerEvent("error", "a"),
        ServerEvent("message", "b"),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b"data: " + b"x" * (LIMIT + 1),  # no end in sight
        b": " + b"x" * LIMIT + b"\n\n",
        b"data: xxxxxxxxxxxxxxxxxxx\n" * 20,  # an event of too many lines
    ],
)
def test_an_endless_event_is_refused_not_hoarded(raw):
    assert events_of([raw]) == ["too large"]


LINES = st.sampled_from(
    [
        b"data: a",
        b"data:",
        b"data: " + "è🙂".encode(),
        b"event: e",
        b": c",
        b"",
        b"",
        b"\xef\xbb\xbf",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
STREAMS = st.one_of(
    st.lists(st.tuples(LINES, ENDS), max_size=30).map(lambda ls: b"".join(a + b for a, b in ls)),
    st.binary(max_size=400),
)


@given(STREAMS, st.lists(st.integers(0, 1000), max_size=40))
def test_any_cut_of_the_same_bytes_gives_the_same_events(raw, cuts):
    places = sorted({min(cut, len(raw)) for cut in cuts})
    pieces = [raw[a:b] for a, b in zip([0, *places], [*places, len(raw)], strict=True)]
    assert events_of(pieces) == events_of([raw])
    assert events_of([bytes([byte]) for byte in raw]) == events_of([raw])
