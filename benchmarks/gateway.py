"""The gateway against no proxy, nginx and LiteLLM: `python -m benchmarks.gateway`.

Everything in one run of about seven minutes: one core for the proxy, another for engine and driver.
Needs taskset, wrk and nginx. LiteLLM's proxy is installed from PyPI into an environment of its own
the first time (`--litellm PATH/TO/bin/litellm` names one that is there, `--litellm none` leaves it
out). Whatever ends the run, nothing of it stays behind.

Promises: non-stream requests a second >= 5 x LiteLLM and >= 0.3 x nginx as a plain reverse proxy;
at 100 streams a first token at most 1 ms (p50) and 5 ms (p99) later than direct; 500 streams of 20
tokens a second for two minutes: none broken, tokens at most 5 ms (p99) later than direct, at most
64 KiB a stream.

The engine of the requests a second is an nginx with one answer: with a slower one nginx would wait
for it, and look slower than it is.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from benchmarks.figures import machine
from benchmarks.gateway_parts import (
    Engines,
    Place,
    engines,
    gateway,
    litellm,
    litellm_binary,
    nginx,
)
from benchmarks.parts import OTHER_CORE, PROXY_CORE, end_with_us, processor_s, said

CONNECTIONS = 32
BODY = {
    "messages": [{"role": "user", "content": "Hello there, how are you?"}],
    "max_tokens": 1,
}


class Book:
    """The figures of a run, told as they come and once more at its end."""

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {}
        self.promises: list[str] = []
        self.is_kept = True

    def figure(self, name: str, value: Any) -> None:
        self.figures[name] = value
        print(f"{name}: {json.dumps(value)}", flush=True)

    def promise(self, name: str, value: float, *, most: float = 0, least: float = 0) -> None:
        is_kept = value >= least if least else value <= most
        limit = f">= {least:g}" if least else f"<= {most:g}"
        self.is_kept &= is_kept
        self.promises.append(f"{name}: {value:.3g} ({limit}) {'kept' if is_kept else 'MISSED'}")
        print(self.promises[-1], flush=True)

    def failed(self, name: str) -> None:
        self.is_kept = False
        reason = traceback.format_exc().strip().splitlines()[-1]
        self.promises.append(f"{name}: not measured, {reason}")
        traceback.print_exc()


def main() -> int:
    """Measure; return 1 when a promise is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--litellm", default="", help="its program, or none")
    parser.add_argument("--seconds", type=int, default=10, help="of each wrk run")
    parser.add_argument("--stream-seconds", type=int, default=120)
    parser.add_argument("--only", default="", help="rps, litellm, first or streams")
    parser.add_argument("--json", default="", help="write the figures here")
    options = parser.parse_args()
    end_with_us()
    machine()
    book = Book()
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as name:
        measure(Path(name), options, book)
    print("\n" + "\n".join(book.promises))
    if options.json:
        Path(options.json).write_text(json.dumps(book.figures | {"promises": book.promises}))
    return 0 if book.is_kept else 1


def measure(folder: Path, options: argparse.Namespace, book: Book) -> None:
    with engines(folder) as made, gateway(folder, made) as (free, limited):

        def step(name: str, run: Callable[[], None]) -> None:
            if options.only in ("", name):
                try:
                    run()
                except Exception:  # noqa: BLE001 - the other figures are worth having
                    book.failed(name)

        step("rps", lambda: requests_a_second(folder, options.seconds, made, (free, limited), book))
        step("first", lambda: first_tokens(made, free, book))
        step("streams", lambda: long_streams(made, free, options.stream_seconds, book))
        if options.litellm != "none":
            step("litellm", lambda: against_litellm(folder, options, made, free, book))


def requests_a_second(
    folder: Path, seconds: int, made: Engines, ours: tuple[Place, Place], book: Book
) -> None:
    free, limited = ours
    book.figure("direct to the engine", wrk(folder, made.canned, seconds))
    with nginx(folder, "proxy", engine=made.canned.address, core=PROXY_CORE) as other:
        theirs = wrk(folder, other, seconds)
    book.figure("nginx", theirs)
    wrk(folder, free, 2)
    mine = wrk(folder, free, seconds)
    book.figure("slipway", mine)
    book.figure("slipway, limits counted in Valkey", wrk(folder, limited, seconds))
    book.promise("requests/s, slipway / nginx", mine["rps"] / theirs["rps"], least=0.3)
    with nginx(folder, "lean", engine=made.streams.address, core=PROXY_CORE) as other:
        lean = wrk(folder, other, seconds, "bench")
    book.figure("nginx, engine on uvloop", lean)
    mine = wrk(folder, free, seconds, "bench")
    book.figure("slipway, engine on uvloop", mine)
    book.figure("slipway / nginx, engine on uvloop", round(mine["rps"] / lean["rps"], 3))
    with nginx(folder, "fake", engine=made.shipped.address, core=PROXY_CORE) as other:
        shipped = wrk(folder, other, seconds, "shipped")
    mine = wrk(folder, free, seconds, "shipped")
    book.figure("slipway / nginx, shipped fake engine", round(mine["rps"] / shipped["rps"], 3))


def against_litellm(
    folder: Path, options: argparse.Namespace, made: Engines, free: Place, book: Book
) -> None:
    with litellm(folder, litellm_binary(options.litellm), made.canned) as other:
        shown = httpx.post(
            f"http://{other.address}/v1/chat/completions",
            json=BODY | {"model": "canned"},
            headers={"authorization": f"Bearer {other.key}"},
            timeout=60,
            trust_env=False,
        )
        if shown.status_code != 200:
            raise RuntimeError(f"LiteLLM says {shown.status_code}: {shown.text[:300]}")
        wrk(folder, other, 15)  # it takes a while to be as fast as it gets
        theirs = wrk(folder, other, options.seconds)
    book.figure("litellm", theirs)
    mine = wrk(folder, free, options.seconds)
    book.figure("slipway, beside litellm", mine)
    book.promise("requests/s, slipway / litellm", mine["rps"] / theirs["rps"], least=5)


def first_tokens(made: Engines, ours: Place, book: Book) -> None:
    rounds = [(load(made.streams, 100, 20, 40), load(ours, 100, 20, 40)) for _ in range(3)]
    for part, most in (("p50", 1.0), ("p99", 5.0)):
        added = [mine["first_ms"][part] - direct["first_ms"][part] for direct, mine in rounds]
        book.figure(f"first token at 100 streams, {part}, added ms, of three rounds", added)
        book.promise(f"first token, {part}, added ms", statistics.median(added), most=most)


def long_streams(made: Engines, ours: Place, seconds: int, book: Book) -> None:
    direct = load(made.streams, 500, 20, 20 * min(seconds, 30))
    assert ours.process
    before, spent = ours.process.memory_info().rss, processor_s(ours.process)
    highest = [before]
    mine = load(ours, 500, 20, 20 * seconds, lambda: highest.append(_memory(ours)))
    spent = processor_s(ours.process) - spent
    book.figure("500 streams, direct", direct)
    book.figure("500 streams, slipway", mine)
    book.figure("processor us a token", round(1e6 * spent / mine["tokens"], 1))
    book.figure("token age p99, added ms", mine["age_ms"]["p99"] - direct["age_ms"]["p99"])
    book.promise("500 streams, broken", mine["broken"], most=0)
    added = mine["late_ms"]["p99"] - direct["late_ms"]["p99"]
    book.promise("500 streams, inter-token p99, added ms", added, most=5)
    each = (max(highest) - before) / 500 / 1024
    book.promise("500 streams, KiB a stream", each, most=64)


def _memory(ours: Place) -> int:
    assert ours.process
    return int(ours.process.memory_info().rss)


def wrk(folder: Path, place: Place, seconds: int, model: str = "canned") -> dict[str, float]:
    """Return requests a second, and the proxy's processor time for each."""
    script = folder / "post.lua"
    script.write_text(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        f'wrk.headers["Authorization"] = "Bearer {place.key}"\n'
        f"wrk.body = '{json.dumps(BODY | {'model': model})}'\n"
    )
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script]
    url = f"http://{place.address}/v1/chat/completions"
    before = processor_s(place.process) if place.process else 0.0
    output = said([*command, url], core=OTHER_CORE, within_s=seconds + 30)
    spent = processor_s(place.process) - before if place.process else 0.0
    found, count = (
        re.search(r"Requests/sec:\s+([\d.]+)", output),
        re.search(r"(\d+) requests", output),
    )
    if "Non-2xx" in output or not found or not count or not int(count[1]):
        raise RuntimeError(f"wrk says: {' '.join(output.split())}")
    return {"rps": float(found[1]), "processor_ms": round(1000 * spent / int(count[1]), 4)}


def load(
    place: Place, streams: int, rate: float, tokens: int, watch: Callable[[], None] | None = None
) -> dict[str, Any]:
    """Read many streams at once; return what the driver saw."""
    url = f"http://{place.address}/v1/chat/completions"
    command = [
        sys.executable, "-m", "benchmarks.gateway_load", url, streams, rate, tokens, place.key
    ]  # fmt: skip
    within_s = tokens / rate + 60
    return dict(json.loads(said(command, core=OTHER_CORE, within_s=within_s, watch=watch)))


if __name__ == "__main__":
    raise SystemExit(main())
