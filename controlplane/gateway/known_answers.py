"""Heads of answers that came before: an engine says the same few of them again and again.

llhttp reads a head the first time. Where the same bytes come again, in front of as many bytes of
body as they announce and in one piece, there is nothing in them to be read a second time.
"""

from collections.abc import Mapping

from msgspec import Struct

HEADS_KEPT = 1024
_END = b"\r\n\r\n"


class KnownAnswer(Struct, frozen=True):
    """What a head said."""

    status: int
    headers: Mapping[str, str]
    length: int  # of the body


class KnownAnswers:
    """The heads that were read lately. Only whole answers of a known length are remembered."""

    def __init__(self) -> None:
        self._heads: dict[bytes, KnownAnswer] = {}

    def find(self, data: bytes) -> tuple[KnownAnswer, bytes] | None:
        """Return what an answer says, and its body; None unless it is whole and its head known."""
        end = data.find(_END) + 4
        known = self._heads.get(data[:end])
        if known is None or len(data) - end != known.length:
            return None
        return known, data[end:]

    def learn(self, data: bytes, status: int, headers: Mapping[str, str]) -> None:
        """Remember an answer that llhttp took whole, after which the connection stays open."""
        end = data.find(_END) + 4
        length = headers.get("content-length", "")
        if "transfer-encoding" in headers or length != str(len(data) - end):
            return
        if len(self._heads) >= HEADS_KEPT:
            self._heads.clear()
        self._heads[data[:end]] = KnownAnswer(status, headers, int(length))
