"""Pulls a model on a server: follows its layers, and checks what came by size and digest list.

The server pulls only as long as its client listens, goes on where it was when asked again, and
compares the sha256 of what it fetched now; what lay there before it does not read again. That is
said in the outcome, and a total or a file that differs from what was promised is refused.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from models_app.domain.failures import FailureCode, fail
from workers.runtimes.ollama.server import OllamaServer
from workers.runtimes.ollama.values import Progress

RATE_OVER_S = 5.0


@dataclass(frozen=True, slots=True)
class Layer:
    """One file of a model. `was_there`: it was not fetched now, so nothing compared its sha256."""

    digest: str
    done_bytes: int
    total_bytes: int
    was_there: bool

    def stored(self) -> dict[str, Any]:
        """Return it for the ledger."""
        return {
            "digest": self.digest,
            "done": self.done_bytes,
            "total": self.total_bytes,
            "was_there": self.was_there,
        }


@dataclass(slots=True)
class PullNews:
    """How far a pull is. Totals grow as the server comes to each layer."""

    status: str = ""
    layers: dict[str, Layer] = field(default_factory=dict)
    _marks: deque[tuple[float, int]] = field(default_factory=deque)

    @property
    def done_bytes(self) -> int:
        """Bytes of all layers that lie there."""
        return sum(layer.done_bytes for layer in self.layers.values())

    @property
    def total_bytes(self) -> int:
        """Bytes of all layers known so far."""
        return sum(layer.total_bytes for layer in self.layers.values())

    @property
    def bytes_per_s(self) -> float | None:
        """How fast bytes came within the last seconds."""
        if len(self._marks) < 2:  # noqa: PLR2004 - a speed is between two marks
            return None
        (began, before), (now, after) = self._marks[0], self._marks[-1]
        return max(after - before, 0) / (now - began) if now > began else None

    def read(self, line: Progress, now: float) -> None:
        """Take a line of the server's."""
        self.status = line.status
        if line.digest and line.total_bytes:
            self._layer(line)
        fetched = sum(la.done_bytes for la in self.layers.values() if not la.was_there)
        self._marks.append((now, fetched))
        while self._marks and now - self._marks[0][0] > RATE_OVER_S:
            self._marks.popleft()

    def copy(self) -> "PullNews":
        """Return it as it is now, for another thread."""
        return PullNews(self.status, dict(self.layers), deque(self._marks))

    def _layer(self, line: Progress) -> None:
        done, total = line.done_bytes or 0, line.total_bytes or 0
        before = self.layers.get(line.digest)
        # Whole at its first line: it lay there, or is so small that it came within one.
        was_there = before.was_there if before else done == total
        kept = max(done, before.done_bytes) if before else done
        self.layers[line.digest] = Layer(line.digest, min(kept, total), total, was_there)


def pull(
    server: OllamaServer, name: str, *, insecure: bool, tell: Callable[[PullNews], None]
) -> Mapping[str, Any]:
    """Pull a model and return what lies there. Raises FailureError, RuntimeUnreachableError."""
    news = PullNews()
    for line in server.pull(name, insecure=insecure):
        news.read(line, time.monotonic())
        tell(news.copy())
    return _check(server, name, news)


def _check(server: OllamaServer, name: str, news: PullNews) -> Mapping[str, Any]:
    found = next((model for model in server.models() if _is_same(model.name, name)), None)
    shown = server.show(name)
    if found is None or shown is None:
        raise fail(FailureCode.ARTIFACT_MISSING, file=name)
    promised = {digest.removeprefix("sha256:") for digest in news.layers}
    strange = [blob for blob in shown.blobs if blob not in promised]
    if found.size_bytes != news.total_bytes or strange:
        raise fail(
            FailureCode.CHECKSUM,
            file=name,
            expected_bytes=news.total_bytes,
            found_bytes=found.size_bytes,
        )
    return {
        "name": found.name,
        "digest": found.digest,
        "size_bytes": found.size_bytes,
        "layers": [layer.stored() for layer in news.layers.values()],
    }


def _is_same(listed: str, asked: str) -> bool:
    """Return whether a listed name is the asked one; the server leaves out its default parts."""
    return asked in {listed, f"library/{listed}"}
