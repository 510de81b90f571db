"""A head is known only when it is the same, byte by byte, but for the length of its body."""

from types import SimpleNamespace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from controlplane.gateway.v1.known_request import known_request

BODY = b'{"model":"m"}'
KEY = "slip_abc_secret"


class Keys:
    """The one proven key."""

    def proven(self, text):
        return "abc" if text == KEY else ""


DESK: Any = SimpleNamespace(keys=Keys())  # nothing else of a desk is asked here
HEADERS = [
    (b"host", b"x"),
    (b"authorization", f"Bearer {KEY}".encode()),
    (b"content-length", b"13"),
    (b"x-slipway-session", b"s"),
]


def head(length, headers=HEADERS):
    lines = [b"%b: %b" % header for header in headers if header[0] != b"content-length"]
    lines.insert(1, b"Content-Length: %b" % length)
    return b"POST /v1/chat/completions HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n"


SEEN = head(b"13") + BODY


def known(data=SEEN, headers=HEADERS, path="/v1/chat/completions"):
    end = data.index(b"\r\n\r\n") + 4
    return known_request(DESK, data[:end], len(data) - end, path, headers)


@given(st.binary(min_size=1, max_size=300))
def test_another_body_of_its_own_length_is_taken(body):
    assert known().body_of(head(b"%d" % len(body)) + body) == body


@given(st.integers(0, len(head(b"13")) - 1), st.integers(0, 255))
@example(head(b"13").index(b"13"), ord("9"))
def test_a_head_with_another_byte_is_not(place, byte):
    data = bytearray(head(b"13") + BODY)
    is_other = data[place] != byte
    data[place] = byte
    assert (known().body_of(bytes(data)) is None) is is_other


@given(st.binary(max_size=40), st.integers(0, 500))
def test_what_is_not_one_whole_request_is_not(more, cut):
    data = head(b"13") + BODY
    assert known().body_of(data + more) == (None if more else BODY)
    assert known().body_of(data[:cut]) == (BODY if cut >= len(data) else None)


def test_lengths_that_are_no_plain_number():
    for length in (b"", b"+13", b"-13", b" 13", b"1_3", b"13\r\nX: y", "١٣".encode()):
        assert known().body_of(head(length) + BODY) is None


def test_heads_that_are_not_remembered():
    assert known() is not None
    assert known(path="/api/chat") is None
    assert known(headers=[(b"authorization", b"Bearer slip_abc_other")]) is None
    assert known(headers=[]) is None
    assert known(headers=[*HEADERS, (b"transfer-encoding", b"chunked")]) is None
    assert known(head(b"13") + BODY + b"POST ") is None
    assert known(head(b"13").replace(b"host: x\r\n", b"host: x\n", 1) + BODY) is None
    twice = head(b"13", [*HEADERS, (b"Content-Length", b"13")])
    assert known(twice + BODY) is None
    assert known(head(b"13").replace(b"Content-Length", b"X-Length") + BODY) is None


def test_what_the_headers_wish_is_remembered():
    assert known().wishes.session == "s"
    assert known().wishes.passed == {"content-type": "application/json"}
