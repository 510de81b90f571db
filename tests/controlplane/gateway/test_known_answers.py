"""Any cutting of the same bytes is the same answer, whether or not its head was known."""

import asyncio
import itertools
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.gateway import exchange
from controlplane.gateway.exchange import Connection, ConnectionBrokenError
from controlplane.gateway.known_answers import KnownAnswers

BODY = b'{"choices":[]}'
LINES = [
    b"Content-Length: %d" % len(BODY),
    b"Content-Length: 3",
    b"Content-Length: 99",
    b"Content-Length: 0",
    b"Transfer-Encoding: chunked",
    b"Connection: close",
    b"Content-Type: application/json",
    b"X: y",
]
STATUSES = [b"200 OK", b"404 No", b"204 Empty", b"100 Go on"]
answers = st.builds(
    lambda status, lines, body: (
        b"HTTP/1.1 %b\r\n%b\r\n\r\n%b" % (status, b"\r\n".join(lines), body)
    ),
    st.sampled_from(STATUSES),
    st.lists(st.sampled_from(LINES), min_size=1, max_size=4),
    st.sampled_from([BODY, b"", BODY[:3], BODY * 2, b"3\r\nabc\r\n0\r\n\r\n"]),
)


@pytest.fixture(scope="module")
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def read(loop, pieces):
    """What a connection makes of an answer that comes in these pieces, and is then cut off."""
    connection = Connection(loop)
    connection.ask(b"", b"")
    for piece in pieces:
        connection.get_buffer(-1)[: len(piece)] = piece
        connection.buffer_updated(len(piece))
    whole, usable = connection.is_whole, connection.is_usable
    connection.connection_lost(None)
    body = b"".join(iter(connection.take, None))
    with suppress(ConnectionBrokenError):
        assert connection.is_over()
    head = (connection.status, dict(connection.headers)) if connection._has_head else None
    return whole, usable, head, body


@given(answers, st.lists(st.integers(1, 200), max_size=6))
def test_any_cutting_is_the_same_answer(loop, answer, cuts):
    edges = [0, *sorted({cut for cut in cuts if cut < len(answer)}), len(answer)]
    pieces = [answer[a:b] for a, b in itertools.pairwise(edges)]
    exchange._known._heads.clear()
    unknown = read(loop, [answer])
    again = read(loop, [answer])
    assert again == unknown
    if unknown[1]:  # what is no good answer may be found out earlier or later
        assert read(loop, pieces) == unknown
    if unknown[0]:
        assert read(loop, pieces)[2:] == unknown[2:]


@given(answers)
def test_what_is_known_is_what_was_read(loop, answer):
    exchange._known._heads.clear()
    whole, usable, head, body = read(loop, [answer])
    found = exchange._known.find(answer)
    if found is None:
        return
    known, rest = found
    assert whole
    assert usable
    assert ((known.status, dict(known.headers)), rest) == (head, body)


def test_heads_are_forgotten_before_they_are_too_many(monkeypatch):
    monkeypatch.setattr("controlplane.gateway.known_answers.HEADS_KEPT", 10)
    heads = KnownAnswers()
    for number in range(25):
        heads.learn(b"HTTP/1.1 200 OK\r\nX: %d\r\n\r\nab" % number, 200, {"content-length": "2"})
    assert len(heads._heads) == 5
