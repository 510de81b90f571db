"""A real Valkey server for tests, as the embedded installation starts it, on its own socket."""

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import redis

from controlplane.launch.parts import _broker
from controlplane.settings.paths import DataPaths
from tests.requirements import need

STARTS_WITHIN_S = 20


@dataclass
class ValkeyServer:
    """`stop` and `start` it to see what its absence does."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, as settings.BROKER_URL names it."""
        return f"unix://{DataPaths(self.folder).broker_socket}"

    @property
    def command(self) -> Sequence[str]:
        """How it is started."""
        paths = DataPaths(self.folder)
        paths.make()
        return _broker(paths).command

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                with contextlib.closing(redis.Redis.from_url(self.url)) as client:
                    client.ping()
            except redis.ConnectionError:
                assert time.monotonic() < until, "Valkey did not start"
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Kill it; everything in it is lost."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextlib.contextmanager
def valkey_server() -> Iterator[ValkeyServer]:
    """Run a server of our own."""
    need("valkey")
    with tempfile.TemporaryDirectory(prefix="sw-valkey-") as folder:
        server = ValkeyServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
