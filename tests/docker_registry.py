"""A small image registry on loopback, for pulls that are slow, cut, denied or missing.

It speaks the part of the distribution protocol that a pull needs, and serves real layers. Docker
takes a registry on loopback without TLS.
"""

import gzip
import hashlib
import io
import json
import os
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.docker_images import Image, Layer
from tests.docker_network import Network

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
PIECE = 64 << 10


@dataclass
class Registry:
    """What it serves, and how badly. Change the figures while it runs."""

    port: int = 0
    bytes_per_s: int = 0  # 0: as fast as it goes
    cut_after: int = 0  # bytes of a blob, after which the connection is dropped; once
    is_stuck: bool = False  # blobs begin and never go on
    is_denied: bool = False  # 401 for everything
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    served: dict[str, int] = field(default_factory=dict)  # digest -> how often it was begun

    def name(self, repository: str, tag: str = "1") -> str:
        """Return an image's name as Docker pulls it from here."""
        return f"127.0.0.1:{self.port}/{repository}:{tag}"

    def add(self, repository: str, image: Image, tag: str = "1") -> str:
        """Serve an image; return its name."""
        config = self._blob(image.config)
        layers = []
        for layer in image.layers:
            digest = self._blob(gzip.compress(layer.path.read_bytes(), compresslevel=1))
            layers.append({"mediaType": LAYER, "size": len(self.blobs[digest]), "digest": digest})
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "size": len(self.blobs[config]), "digest": config},
            "layers": layers,
        }
        body = json.dumps(manifest).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        self.manifests[f"{repository}:{tag}"] = self.manifests[f"{repository}:{digest}"] = (
            body,
            digest,
        )
        return self.name(repository, tag)

    def _blob(self, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return digest


def random_image(folder: Path, *, layers: int = 2, layer_bytes: int = 4 << 20) -> Image:
    """Return an image that no engine has yet: layers of random bytes."""
    made = []
    for number in range(layers):
        path = folder / f"layer-{number}.tar"
        with tarfile.open(path, "w") as archive:
            entry = tarfile.TarInfo(f"random-{number}")
            entry.size = layer_bytes
            archive.addfile(entry, io.BytesIO(os.urandom(layer_bytes)))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        made.append(Layer(path, f"sha256:{digest}"))
    return Image("random", tuple(made), {"Cmd": ["/none"]})


@contextmanager
def registry(network: Network | None = None) -> Iterator[Registry]:
    """Run one on loopback: this machine's, or that of an engine with a network of its own."""
    served = Registry()

    class Handler(_Handler):
        registry = served

    with network.entered() if network else nullcontext():
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.is_stuck = False
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: Registry

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing is printed."""

    def _answer(self, *, with_body: bool) -> None:
        if self.registry.is_denied:
            return self._error(401, "UNAUTHORIZED", "authentication required")
        if self.path == "/v2/":
            return self._send(200, b"{}", "application/json", with_body=with_body)
        repository, _, reference = self.path.removeprefix("/v2/").rpartition("/")
        if repository.endswith("/manifests"):
            found = self.registry.manifests.get(
                f"{repository.removesuffix('/manifests')}:{reference}"
            )
            if found is None:
                return self._error(404, "MANIFEST_UNKNOWN", "manifest unknown")
            return self._send(200, found[0], MANIFEST, with_body=with_body, digest=found[1])
        blob = self.registry.blobs.get(reference)
        if blob is None:
            return self._error(404, "BLOB_UNKNOWN", "blob unknown")
        return self._send_blob(reference, blob)

    def _send(
        self, status: int, body: bytes, kind: str, *, with_body: bool, digest: str = ""
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _error(self, status: int, code: str, text: str) -> None:
        body = json.dumps({"errors": [{"code": code, "message": text}]}).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="slipway"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_blob(self, digest: str, blob: bytes) -> None:
        registry = self.registry
        registry.served[digest] = registry.served.get(digest, 0) + 1
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(blob)))
        self.end_headers()
        sent = 0
        try:
            for at in range(0, len(blob), PIECE):
                piece = blob[at : at + PIECE]
                self.wfile.write(piece)
                sent += len(piece)
                if 0 < registry.cut_after < sent:
                    registry.cut_after = 0
                    self.close_connection = True
                    self.connection.close()
                    return
                if registry.bytes_per_s:
                    time.sleep(len(piece) / registry.bytes_per_s)
                while registry.is_stuck:
                    time.sleep(0.05)
        except OSError:
            self.close_connection = True  # the engine hung up
