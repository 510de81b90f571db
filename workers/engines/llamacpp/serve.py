"""llama.cpp's server as a process: `python -m workers.engines.llamacpp.serve`.

The server itself is C++ from the xllamacpp wheel, in this process. Here: reading the options,
telling how the loading goes, saying where it listens, and draining on TERM.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
import urllib.request
from typing import Any

from workers.engines.llamacpp.load_progress import told

ADDRESS = "127.0.0.1"
LOAD_FAILED = 2
DRAIN_POLL_S = 0.05
DRAIN_LOOKS = 3


def main(argv: list[str] | None = None) -> None:
    """Serve until TERM."""
    options = _parse(argv)
    try:
        size = os.stat(options.model).st_size  # noqa: PTH116 - an import less at every start
    except OSError:
        size = 0  # the library says what is wrong
    with told(size):
        server = _load(options)
    # Until here TERM simply ends the process: nothing is in flight yet.
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    address = server.listening_address
    _announce(address.removeprefix("http://"), options.address_file)
    asked.wait()
    _drain(address, options.drain_s)
    # Deleting the server under an answer in flight would freeze it; leave at once instead.
    os._exit(0)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="llamacpp-serve")
    parser.add_argument("--model", required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--address-file")
    parser.add_argument("--context", type=int, required=True, help="of all sequences together")
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--gpu-layers", type=int, default=0)
    parser.add_argument("--kv-type", default="f16")
    parser.add_argument("--flash-attention", choices=["auto", "on", "off"], default="auto")
    parser.add_argument("--embeddings", action="store_true")
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--top-p", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--drain-s", type=float, default=30.0)
    return parser.parse_args(argv)


def _load(options: argparse.Namespace) -> Any:
    """Return the server once the model is loaded and it listens; end the process when it cannot."""
    import xllamacpp

    params = _params(options, xllamacpp)
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        _say(f"the server did not start: {error}")
        # Not os._exit: the library's log has a thread of its own, whose last lines say why.
        sys.exit(LOAD_FAILED)


def _params(options: argparse.Namespace, xllamacpp: Any) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.model_alias = [options.alias]
    params.hostnames, params.port = [ADDRESS], options.port
    params.endpoint_metrics = params.endpoint_slots = True
    params.ui = False
    # No page of a browser on this machine may read from it; the gateway is no browser.
    params.cors_origins, params.cors_origins_explicit = f"http://{ADDRESS}", True
    params.n_ctx, params.n_parallel = options.context, options.parallel
    # Each request has its own part of the cache: two long ones cannot break each other.
    params.kv_unified = False
    params.cache_ram_mib = 0  # a cache of old prompts would grow beyond what was predicted
    threads = options.threads or len(os.sched_getaffinity(0))
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.n_gpu_layers = options.gpu_layers
    params.fit_params = options.gpu_layers < 0  # reads the model twice
    kv_type = xllamacpp.ggml_type[f"GGML_TYPE_{options.kv_type.upper()}"]
    params.cache_type_k = params.cache_type_v = kv_type
    flash = {"auto": "AUTO", "on": "ENABLED", "off": "DISABLED"}[options.flash_attention]
    params.flash_attn_type = xllamacpp.llama_flash_attn_type[f"LLAMA_FLASH_ATTN_TYPE_{flash}"]
    if options.embeddings:
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    _set_sampling(options, params.sampling)
    return params


def _set_sampling(options: argparse.Namespace, sampling: Any) -> None:
    """Set what applies where a request does not say."""
    if options.temperature is not None:
        sampling.temp = options.temperature
    if options.top_p is not None:
        sampling.top_p = options.top_p
    if options.seed is not None:
        sampling.seed = options.seed


def _announce(address: str, address_file: str | None) -> None:
    if address_file:
        part = f"{address_file}.part"
        with open(part, "w") as file:  # noqa: PTH123 - an import less at every start
            file.write(address)
        os.replace(part, address_file)  # noqa: PTH105
    _say(f"serving on {address}")


def _drain(address: str, seconds: float) -> None:
    """Let the answers in flight end, for at most so long."""
    _say("draining")
    until = time.monotonic() + seconds
    idle = 0  # looks in a row: between two answers the slots are idle for an instant
    while time.monotonic() < until and idle < DRAIN_LOOKS:
        idle = 0 if _is_busy(address) else idle + 1
        time.sleep(DRAIN_POLL_S)
    _say("bye")


def _is_busy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/slots", timeout=5) as answer:  # noqa: S310 - ours
            return any(slot["is_processing"] for slot in json.load(answer))
    except (OSError, ValueError, KeyError):
        return False


def _say(text: str) -> None:
    sys.stderr.write(f"slipway: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
