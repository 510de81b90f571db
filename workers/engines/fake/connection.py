"""HTTP/1.1 on one socket with the standard library's smallest parts: requests in, answers out.

Not `http.server`: its imports would double the memory of a process that demos start by the dozen.
It reads what clients of an OpenAI server send (length-delimited JSON) and nothing more.
"""

import json
import select
import socket
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

HEADER_LIMIT = 64 << 10
BODY_LIMIT = 10 << 20
IDLE_S = 75.0
REASONS = {
    200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed",
    411: "Length Required", 413: "Content Too Large", 500: "Internal Server Error",
    501: "Not Implemented", 503: "Service Unavailable",
}  # fmt: skip


class ClientGoneError(Exception):
    """The client hung up: stop working for it."""


class RefusedError(Exception):
    """The request is answered with an error, in the shape of the OpenAI API."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        self.status = status
        self.body = {"error": {"code": status, "message": message, "type": kind}}
        super().__init__(message)


class Request(NamedTuple):
    """One request, its body not yet parsed."""

    method: str
    path: str
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the body as an object. Raises RefusedError."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise RefusedError(400, "invalid_request_error", f"parse error: {error}") from error
        if not isinstance(found, dict):
            raise RefusedError(400, "invalid_request_error", "an object is expected")
        return found


class Connection:
    """One client's socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(IDLE_S)
        self._socket = sock
        self._buffer = b""

    def read_request(self) -> Request | None:
        """Return the next request; None when the client is done. Raises RefusedError."""
        head = self._read_head()
        if head is None:
            return None
        lines = head.decode("latin-1").split("\r\n")
        parts = lines[0].split(" ")
        if len(parts) != 3:  # noqa: PLR2004 - method, target, version
            raise RefusedError(400, "invalid_request_error", "malformed request line")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return Request(parts[0], parts[1].partition("?")[0], self._read_body(headers))

    def send_json(self, status: int, body: Any) -> None:
        """Answer with a JSON document."""
        self.send(status, json.dumps(body).encode(), "application/json; charset=utf-8")

    def send(self, status: int, body: bytes, content_type: str) -> None:
        """Answer with a whole body."""
        head = (
            f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._write(head.encode() + body)

    def begin_stream(self) -> None:
        """Answer with server-sent events; `send_event` follows."""
        self._write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )

    def send_event(self, data: Any) -> None:
        """Send one event: an object as JSON, or a word as it is."""
        text = data if isinstance(data, str) else json.dumps(data)
        piece = f"data: {text}\n\n".encode()
        self._write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")

    def end_stream(self) -> None:
        """Say that no more events follow."""
        self._write(b"0\r\n\r\n")

    def wait(self, seconds: float) -> None:
        """Sleep, and raise ClientGoneError as soon as the client hangs up."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            readable, _, _ = select.select([self._socket], [], [], left)
            if not readable:
                return
            try:
                gone = not self._socket.recv(1, socket.MSG_PEEK)
            except OSError:
                gone = True
            if gone:
                raise ClientGoneError
            time.sleep(min(left, 0.01))  # it sends the next request before it has its answer

    def _read_head(self) -> bytes | None:
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > HEADER_LIMIT:
                raise RefusedError(413, "invalid_request_error", "header too large")
            try:
                piece = self._socket.recv(65536)
            except OSError:
                return None
            if not piece:
                return None
            self._buffer += piece
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head

    def _read_body(self, headers: Mapping[str, str]) -> bytes:
        if "transfer-encoding" in headers:
            raise RefusedError(411, "invalid_request_error", "a Content-Length is expected")
        text = headers.get("content-length", "0")
        if not text.isdecimal():
            raise RefusedError(400, "invalid_request_error", "malformed Content-Length")
        length = int(text)
        if length > BODY_LIMIT:
            raise RefusedError(413, "invalid_request_error", "body too large")
        if headers.get("expect", "").lower() == "100-continue":
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._buffer) < length:
            piece = self._socket.recv(65536)
            if not piece:
                raise ClientGoneError
            self._buffer += piece
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return body

    def _write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ClientGoneError from error
