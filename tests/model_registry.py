"""A small model registry of a test's own: manifests and blobs over plain HTTP, as Ollama pulls.

It can be slow, spoil a byte on the way, and counts what it really sent.
"""

import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TEMPLATE = b"{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}"
PIECE = 256 << 10


class ModelRegistry:
    """Serves one model, `library/tiny:1`. Use as a context manager."""

    def __init__(self, gguf: Path) -> None:
        self.bytes_per_s: float | None = None
        self.spoil = False  # one byte of the model's file arrives as another
        self.redirects: dict[str, str] = {}  # manifest or blob: a URL, or "loop"
        self.sent: dict[str, int] = {}
        self.blobs: dict[str, bytes] = {}
        self.model = self._add(gguf.read_bytes())
        self.manifest = self._manifest(self.model, self._add(TEMPLATE))
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"registry": self})
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "ModelRegistry":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def host(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def name(self) -> str:
        """The whole name of its model."""
        return f"{self.host}/library/tiny:1"

    def _add(self, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return digest

    def _manifest(self, model: str, template: str) -> bytes:
        config = {
            "model_format": "gguf",
            "model_family": "llama",
            "model_families": ["llama"],
            "model_type": "134.52M",
            "file_type": "Q4_1",
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [model, template]},
        }
        configured = self._add(json.dumps(config).encode())
        docker = "application/vnd.docker"
        ollama = "application/vnd.ollama.image"
        return json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": f"{docker}.distribution.manifest.v2+json",
                "config": self._layer(configured, f"{docker}.container.image.v1+json"),
                "layers": [
                    self._layer(model, f"{ollama}.model"),
                    self._layer(template, f"{ollama}.template"),
                ],
            }
        ).encode()

    def _layer(self, digest: str, media_type: str) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": digest, "size": len(self.blobs[digest])}

    def content(self, digest: str, start: int, stop: int) -> bytes:
        """Return a part of a blob as it goes over the line."""
        part = self.blobs[digest][start:stop]
        if self.spoil and digest == self.model and start <= 5000 < stop:
            at = 5000 - start
            part = part[:at] + bytes([part[at] ^ 1]) + part[at + 1 :]
        return part


class _Handler(BaseHTTPRequestHandler):
    """One request; a subclass for each registry says whose."""

    protocol_version = "HTTP/1.1"
    registry: ModelRegistry

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _is_sent_elsewhere(self) -> bool:
        kind = "manifest" if "/manifests/" in self.path else "blob"
        to = self.registry.redirects.get(kind) if self.path.startswith("/v2/") else None
        if to is None:
            return False
        digest = self.path.rpartition("/")[2] if to.endswith("/") else ""
        self._answer(307, b"", Location=self.path if to == "loop" else to + digest)
        return True

    def do_HEAD(self) -> None:
        if self._is_sent_elsewhere():
            return
        content = self.registry.blobs.get(self.path.rpartition("/")[2])
        if content is None:
            self._answer(404, b"")
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()

    def do_GET(self) -> None:
        if self._is_sent_elsewhere():
            return
        last = self.path.rpartition("/")[2]
        if self.path == "/v2/library/tiny/manifests/1":
            self._answer(200, self.registry.manifest)
        elif self.path.startswith("/v2/library/tiny/blobs/") and last in self.registry.blobs:
            self._answer(200, b"", Location=f"http://{self.registry.host}/data/{last}")
        elif self.path.startswith("/data/"):
            self._send_part(last)
        else:
            self._answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _send_part(self, digest: str) -> None:
        registry, size = self.registry, len(self.registry.blobs[digest])
        span = self.headers.get("Range", f"bytes=0-{size - 1}").removeprefix("bytes=")
        start, _, last = span.partition("-")
        at, stop = int(start), int(last) + 1
        self.send_response(206)
        self.send_header("Content-Length", str(stop - at))
        self.send_header("Content-Range", f"bytes {at}-{stop - 1}/{size}")
        self.end_headers()
        while at < stop:
            part = registry.content(digest, at, min(at + PIECE, stop))
            try:
                self.wfile.write(part)
            except OSError:
                return
            registry.sent[digest] = registry.sent.get(digest, 0) + len(part)
            at += len(part)
            if registry.bytes_per_s:
                time.sleep(len(part) / registry.bytes_per_s)
