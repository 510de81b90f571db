"""Predicted against measured memory of real replicas: `python -m benchmarks.sizing [FILE.gguf]`.

Each model is served by llama.cpp, as a host of the runtime `process` would, at several contexts,
numbers of requests at a time and types of cache; every slot then reads a long prompt while the
resident memory is watched. Promise: predictions are within 15 % of the measured peak, and never
more than 10 % below it. Without arguments the bundled SmolLM2 is measured.
"""

import argparse
import hashlib
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.figures import machine
from models_app.domain.gguf import facts, read_header
from models_app.domain.gguf_memory import estimate_gguf
from models_app.domain.names import safe_file_name
from models_app.domain.specs import ArtifactFacts, ArtifactRef, ServeRequest
from models_app.domain.store import ModelStore
from tests.smollm2 import smollm2_file
from workers.engines.llamacpp.engine import LlamaCppEngine
from workers.runtimes.process.runtime import ProcessRuntime

ABOVE, BELOW = 0.15, 0.10
LONGEST_S = 300.0
SENTENCE = "The quick brown fox jumps over the lazy dog and runs away. "  # some 13 tokens
SENTENCE_TOKENS, PAGE_TOKENS, LONGEST_EMBEDDED = 14, 600, 480
MATRIX: tuple[dict[str, Any], ...] = (
    {"context_length": 1024, "parallel_sequences": 1},
    {"context_length": 4096, "parallel_sequences": 1},
    {"context_length": 4096, "parallel_sequences": 2},
    {"context_length": 8192, "parallel_sequences": 1},
    {"context_length": 8192, "parallel_sequences": 4},
    {"context_length": 2048, "parallel_sequences": 8},
    {"context_length": 2048, "parallel_sequences": 4, "kv_type": "q8_0"},
    {"context_length": 2048, "parallel_sequences": 4, "kv_type": "q4_0"},
    {"context_length": 4096, "parallel_sequences": 2, "flash_attention": "off"},
    {"context_length": 4096, "parallel_sequences": 1, "embeddings": True},
)


@dataclass
class Peak:
    """The most that was seen, watched from a thread."""

    runtime: ProcessRuntime
    name: str
    bytes: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch as long as the block lasts."""
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            stats = self.runtime.stats(self.name)
            self.bytes = max(self.bytes, stats.memory_bytes if stats else 0)


def main() -> int:
    """Measure; return 1 when a prediction is off by more than was promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", type=Path, help="GGUF files")
    options = parser.parse_args()
    machine()
    print(f"{'model':28} {'context':>7} {'slots':>5} {'parameters':28} MiB predicted  peak  ratio")
    misses = 0
    for path in options.models or [smollm2_file()]:
        found = facts(read_header(path))
        with tempfile.TemporaryDirectory() as folder:
            artifact = stored(Path(folder) / "models", path)
            for parameters in MATRIX:
                peak = peak_of(Path(folder), artifact, found, parameters)
                misses += _told(path.stem, found, parameters, peak)
    print("kept" if not misses else f"MISSED {misses} times")
    return 1 if misses else 0


def _told(name: str, found: ArtifactFacts, parameters: dict[str, Any], peak: int) -> bool:
    overhead = LlamaCppEngine().manifest.overhead_bytes
    predicted = estimate_gguf(found, parameters, overhead_bytes=overhead).total_bytes or 0
    ratio = predicted / peak
    is_missed = not 1 - BELOW <= ratio <= 1 + ABOVE
    more = {
        k: v for k, v in parameters.items() if k not in {"context_length", "parallel_sequences"}
    }
    said = " ".join(f"{key}={value}" for key, value in more.items())
    print(
        f"{name[:28]:28} {parameters['context_length']:7} {parameters['parallel_sequences']:5} "
        f"{said:28} {predicted / 2**20:13.0f} {peak / 2**20:5.0f}  {ratio:5.2f}"
        f"{'  MISSED' if is_missed else ''}",
        flush=True,
    )
    return is_missed


def stored(store: Path, path: Path) -> ArtifactRef:
    """Put a model into a store, as a link: it is not changed there."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    name = safe_file_name(path.name)
    place = ModelStore(store).path_of(digest, name)
    place.parent.mkdir(parents=True)
    place.symlink_to(path.resolve())
    return ArtifactRef("measured", digest, path.stat().st_size, "gguf", name)


def peak_of(
    folder: Path, artifact: ArtifactRef, found: ArtifactFacts, parameters: dict[str, Any]
) -> int:
    """Serve it, have every slot read a long prompt at once, and return the most it took."""
    name = "slipway-measured-0-r1"
    with ProcessRuntime(
        workloads=folder / "workloads",
        models=folder / "models",
        instance="measured",
    ) as runtime:
        request = ServeRequest(
            name, "measured", artifact, found, {**parameters, "threads": 1}, None
        )
        runtime.create(LlamaCppEngine().plan(request, runtime.facts()))
        peak = Peak(runtime, name)
        try:
            address = _ready(runtime, name)
            with peak.watched():
                _ask_all(address, parameters)
        finally:
            runtime.stop_all(seconds=10)
    return peak.bytes


def _ready(runtime: ProcessRuntime, name: str) -> str:
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        seen = runtime.observe(name)
        if seen and seen.address:
            try:
                if httpx.get(f"http://{seen.address}/health", timeout=5).is_success:
                    return seen.address
            except httpx.TransportError:
                pass
        time.sleep(0.1)
    raise SystemExit("\n".join(line.text for line in runtime.tail(name)))


def _ask_all(address: str, parameters: dict[str, Any]) -> None:
    """Have every slot work at the same time."""
    context, slots = parameters["context_length"], parameters["parallel_sequences"]
    fill = min(context, PAGE_TOKENS) * 9 // 10
    lengths = [context * 9 // 10, *[fill] * (slots - 1)]

    def ask(tokens: int) -> None:
        if parameters.get("embeddings"):
            path = "/v1/embeddings"
            body: dict[str, Any] = {"input": _text(min(tokens, LONGEST_EMBEDDED))}
        else:
            path, body = "/v1/completions", {"prompt": _text(tokens), "max_tokens": 4}
        answer = httpx.post(f"http://{address}{path}", json=body, timeout=LONGEST_S)
        answer.raise_for_status()

    threads = [threading.Thread(target=ask, args=(length,)) for length in lengths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _text(tokens: int) -> str:
    return SENTENCE * (tokens // SENTENCE_TOKENS)


if __name__ == "__main__":
    raise SystemExit(main())
