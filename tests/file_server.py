"""A web server that serves one file, well or in every way that servers fail: for tests of sources.

`FileServer.how` says how it behaves; `asked` holds what each request wanted.
"""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CHUNK = 16 << 10


@dataclass
class How:
    """How the server behaves; the default is well."""

    resumes: bool = True  # knows Range
    cut_after: int | None = None  # bytes of each answer, then the line is cut
    stall_after: int | None = None  # bytes of each answer, then silence
    bytes_per_s: float | None = None
    says_length: bool = True  # False: chunked, so nobody knows how long it is
    more_length: int = 0  # added to the length that is announced: a lie
    etag: bool = True
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)  # given first
    silent_heads: int = 0  # requests that get no answer at all


class FileServer:
    """The server and what it was asked."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.how = How()
        self.asked: list[dict[str, str]] = []
        self.sent = 0
        self.closing = threading.Event()
        self.address = ""

    @property
    def url(self) -> str:
        """Where the file is."""
        return f"{self.address}/folder/model.gguf"

    @property
    def sha256(self) -> str:
        """The sum of what it serves now."""
        return hashlib.sha256(self.content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: FileServer

    def do_GET(self) -> None:
        """Serve, in the way of the hour."""
        mine, how = self.served, self.served.how
        mine.asked.append({name.lower(): value for name, value in self.headers.items()})
        self.close_connection = True
        if how.silent_heads:
            how.silent_heads -= 1
            mine.closing.wait(30)
            return
        if how.answers:
            status, headers = how.answers.pop(0)
            self._head(status, {"Content-Length": "0", **headers})
            return
        begin, end = self._range()
        size = len(mine.content)
        if begin > size or (begin == size and "range" in mine.asked[-1] and how.resumes):
            self._head(416, {"Content-Range": f"bytes */{size}", "Content-Length": "0"})
            return
        body = mine.content[begin:end]
        headers = {"ETag": f'"{mine.sha256}"'} if how.etag else {}
        if how.resumes:
            headers["Accept-Ranges"] = "bytes"
        is_part = how.resumes and "range" in mine.asked[-1]
        if is_part:
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size + how.more_length}"
        if how.says_length:
            headers["Content-Length"] = str(len(body) + how.more_length)
        else:
            headers["Transfer-Encoding"] = "chunked"
        self._head(206 if is_part else 200, headers)
        with suppress(OSError):
            self._body(body)

    def _range(self) -> tuple[int, int]:
        size, text = len(self.served.content), self.headers.get("Range", "")
        if not self.served.how.resumes or not text.startswith("bytes="):
            return 0, size
        if_range = self.headers.get("If-Range")
        if if_range and if_range != f'"{self.served.sha256}"':
            return 0, size
        first, _, last = text.removeprefix("bytes=").partition("-")
        return int(first), min(int(last) + 1, size) if last else size

    def _body(self, body: bytes) -> None:
        how, began = self.served.how, time.monotonic()
        for at in range(0, len(body), CHUNK):
            piece = body[at : at + CHUNK]
            if how.cut_after is not None and at + len(piece) > how.cut_after:
                self._write(body[at : how.cut_after])
                return
            if how.stall_after is not None and at + len(piece) > how.stall_after:
                self._write(body[at : how.stall_after])
                self.served.closing.wait(30)
                return
            self._write(piece)
            if how.bytes_per_s:
                wait = (at + len(piece)) / how.bytes_per_s - (time.monotonic() - began)
                if self.served.closing.wait(max(wait, 0)):
                    return
        if not how.says_length:
            self.wfile.write(b"0\r\n\r\n")

    def _write(self, piece: bytes) -> None:
        if piece and not self.served.how.says_length:
            piece = f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
        self.wfile.write(piece)
        self.wfile.flush()
        self.served.sent += len(piece)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no news here."""


@contextmanager
def file_server(content: bytes) -> Iterator[FileServer]:
    """Serve `content` on a free port of this machine."""
    mine = FileServer(content)
    handler = type("Handler", (_Handler,), {"served": mine})
    with _Server(("127.0.0.1", 0), handler) as server:
        mine.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield mine
        finally:
            mine.closing.set()
            server.shutdown()
            thread.join(5)
