"""The head of a request that came before on the same connection: what it said holds again.

A client's requests carry the same head, but for the length of the body. llhttp has read it once and
its key is proven; where the same bytes come again there is nothing in them to be read.
"""

import re

from controlplane.gateway.v1.asking import Wishes, wishes_of
from controlplane.gateway.v1.call import Headers, header_of
from controlplane.gateway.v1.desk import Desk
from controlplane.gateway.v1.key_book import bearer
from controlplane.gateway.v1.spoken import POSTS, Spoken

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,8})[ \t]*\r\n", re.IGNORECASE)


class KnownRequest:
    """A head that was read, and what it means."""

    __slots__ = ("_after", "_before", "desk", "headers", "key_id", "path", "spoken", "wishes")

    def __init__(
        self, desk: Desk, before: bytes, after: bytes, headers: Headers, key_id: str, path: str
    ) -> None:
        self.desk = desk
        self._before = before  # up to the body's length
        self._after = after  # from there to the end
        self.headers = headers
        self.key_id = key_id
        self.path = path
        self.spoken: Spoken = POSTS[path]
        self.wishes: Wishes = wishes_of(lambda name: header_of(headers, name), self.spoken)

    def body_of(self, data: bytes) -> bytes | None:
        """Return the body of a request that is this one again, and whole; None for any other."""
        before, after = self._before, self._after
        if not data.startswith(before):
            return None
        begin = len(before)
        end = data.find(b"\r", begin)
        if not data.startswith(after, end):
            return None
        length, body = data[begin:end], data[end + len(after) :]
        return body if length.isdigit() and int(length) == len(body) else None


def known_request(
    desk: Desk, head: bytes, body_size: int, path: str, headers: Headers
) -> KnownRequest | None:
    """Return the head of a request that was read; None where its like has to be read again."""
    key_id = desk.keys.proven(bearer(headers))
    lengths = list(_LENGTH.finditer(head))
    if path not in POSTS or not key_id or len(lengths) != 1 or int(lengths[0][1]) != body_size:
        return None
    if header_of(headers, b"transfer-encoding") or head.count(b"\n") != head.count(b"\r\n"):
        return None
    before, after = head[: lengths[0].start(1)], head[lengths[0].end(1) :]
    return KnownRequest(desk, before, after, headers, key_id, path)
