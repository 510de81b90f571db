"""A connection that is a command's inside a container: its stdin, and its output coming back.

Docker answers a started `exec` by giving the HTTP connection away. What is written is the command's
stdin, what comes back are frames of both outputs. The same over a unix socket, TLS and a channel of
SSH. There is no half-closing: TLS and SSH do it in their own ways, and not every engine understands
them. Whoever speaks tells the command beforehand how much will come.
"""

import json
import socket
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, BinaryIO, Self

from models_app.domain.failures import FailureCode, RuntimeUnreachableError
from workers.runtimes.docker.errors import meaning, translated

BLOCK = 1 << 20
_FRAME = 8  # bytes before what a command wrote: which output, and how much
_GIVEN_AWAY = frozenset({101, 200})
_NOT_YET = (BlockingIOError, ssl.SSLWantReadError, TimeoutError)  # of the three kinds of socket


class Conversation:
    """One command under way. `made` is an open connection to the engine, closed at the end."""

    def __init__(self, made: Any, path: str, body: Mapping[str, Any], seconds: float) -> None:
        self._socket = made
        self._seconds = seconds
        self._raw = b""
        self._text = b""
        self.has_ended = False
        with translated():
            made.settimeout(seconds)
            self._begin(path, json.dumps(body).encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up: the command meets the end of its stdin."""
        self._socket.close()

    def say(self, words: str) -> None:
        """Write a line to the command."""
        with translated():
            self._socket.sendall(words.encode() + b"\n")

    def send(self, file: BinaryIO, at: int, size: int, buffer: memoryview) -> int:
        """Write a part of a file to the command; return how much there was of it."""
        with translated():
            if self._socket.__class__ is socket.socket:  # the kernel carries it: nothing to encrypt
                return int(self._socket.sendfile(file, at, size))
            file.seek(at)
            left = size
            while left:
                got = file.readinto(buffer[: min(left, len(buffer))])  # type: ignore[attr-defined]
                if not got:
                    break
                self._socket.sendall(buffer[:got])
                left -= got
            return size - left

    def heard(self, *, wait: bool) -> list[str]:
        """Return the whole lines that the command has written since; wait for one, or do not."""
        with translated():
            while not self.has_ended and b"\n" not in self._text:
                if not self._receive(wait=wait):
                    break
        *lines, self._text = self._text.split(b"\n")
        if self.has_ended and self._text:
            lines.append(self._text)
            self._text = b""
        return [line.decode(errors="replace") for line in lines]

    def _receive(self, *, wait: bool) -> bool:
        """Take what has come; return whether something had."""
        self._socket.settimeout(self._seconds if wait else 0.0)
        try:
            piece = self._socket.recv(64 << 10)
        except _NOT_YET:
            if wait:
                raise
            return False
        finally:
            self._socket.settimeout(self._seconds)
        self._raw += piece
        self.has_ended = not piece
        while len(self._raw) >= _FRAME:
            end = _FRAME + int.from_bytes(self._raw[4:_FRAME], "big")
            if len(self._raw) < end:
                break
            self._text += self._raw[_FRAME:end]
            self._raw = self._raw[end:]
        return True

    def _begin(self, path: str, body: bytes) -> None:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = self._socket.recv(64 << 10)
            if not piece:
                raise RuntimeUnreachableError("no answer", FailureCode.CONNECTION_LOST)
            answer += piece
        told, _, self._raw = answer.partition(b"\r\n\r\n")
        status = told.split(b"\r\n", 1)[0].decode(errors="replace")
        if int(status.split()[1]) not in _GIVEN_AWAY:
            raise meaning(self._raw.decode(errors="replace") or status)
