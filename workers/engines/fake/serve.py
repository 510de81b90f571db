"""The fake engine's process: `python -m workers.engines.fake.serve`.

It listens at once, answers 503 until its start is over, serves on the loopback address alone, and
drains on TERM. Standard library only, and little of it: it is up in a tenth of a second.
"""

import argparse
import os
import signal
import socket
import sys
import threading
import time

from workers.engines.fake.behaviour import Behaviour
from workers.engines.fake.connection import ClientGoneError, Connection, RefusedError, Request
from workers.engines.fake.counters import Counters
from workers.engines.fake.endpoints import Service

ADDRESS = "127.0.0.1"
START_STEPS = 10
FAILURES = {
    "OUT_OF_MEMORY": "failed to allocate the buffer: out of memory",
    "ARTIFACT_INVALID": "the model file is damaged",
    "PORT_IN_USE": "couldn't bind the server's socket",
    "ENGINE_EXITED": "gave up for no reason",
}


def main(argv: list[str] | None = None) -> None:
    """Serve until TERM."""
    options = _parse(argv)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    behaviour = Behaviour(
        first_token_delay_s=options.first_token_delay_s,
        tokens_per_s=options.tokens_per_s,
        stall_after_tokens=options.stall_after_tokens,
        crash_after_tokens=options.crash_after_tokens,
        seed=options.seed,
    )
    counters = Counters(options.parallel_sequences)
    service = Service(
        alias=options.alias,
        context=options.context_length,
        behaviour=behaviour,
        counters=counters,
    )
    listener = _listen(options.host, options.port, options.address_file)
    threading.Thread(target=_accept, args=(listener, service), daemon=True).start()
    if _start(options, service, stop):
        service.ready = True
        _say("ready")
        stop.wait()
    listener.close()
    _drain(counters, options.drain_s)
    os._exit(0)  # threads of idle connections need not be asked


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fake-engine")
    parser.add_argument("--alias", default="fake")
    parser.add_argument("--host", default=ADDRESS)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--address-file")
    parser.add_argument("--context-length", type=int, default=4096)
    parser.add_argument("--parallel-sequences", type=int, default=4)
    parser.add_argument("--first-token-delay-s", type=float, default=0.02)
    parser.add_argument("--tokens-per-s", type=float, default=60.0)
    parser.add_argument("--stall-after-tokens", type=int)
    parser.add_argument("--crash-after-tokens", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--startup-delay-s", type=float, default=0.0)
    parser.add_argument("--startup-silent", action="store_true")
    parser.add_argument("--fail-start", choices=sorted(FAILURES))
    parser.add_argument("--memory-mb", type=int, default=0)
    parser.add_argument("--drain-s", type=float, default=10.0)
    return parser.parse_args(argv)


def _listen(host: str, port: int, address_file: str | None) -> socket.socket:
    try:
        listener = socket.create_server((host, port), backlog=128)
    except OSError as error:
        _say(f"error PORT_IN_USE: {FAILURES['PORT_IN_USE']}: {error}")
        sys.exit(1)
    address = f"{host}:{listener.getsockname()[1]}"
    if address_file:
        part = f"{address_file}.part"
        with open(part, "w") as file:  # noqa: PTH123 - pathlib costs a start 10 ms
            file.write(address)
        os.replace(part, address_file)  # noqa: PTH105
    _say(f"listening on {address}")
    return listener


def _start(options: argparse.Namespace, service: Service, stop: threading.Event) -> bool:
    """Pretend to load a model; return False when asked to end meanwhile."""
    for step in range(START_STEPS):
        if stop.wait(options.startup_delay_s / START_STEPS):
            return False
        if not options.startup_silent:
            _say(f"loading {100 * (step + 1) // START_STEPS} %")
    if options.fail_start:
        _say(f"error {options.fail_start}: {FAILURES[options.fail_start]}")
        sys.stderr.flush()
        os._exit(1)
    try:
        held = b"\1" * (options.memory_mb << 20)  # written to, so that it is resident
    except MemoryError:
        _say(f"error OUT_OF_MEMORY: MemoryError: {FAILURES['OUT_OF_MEMORY']}")
        os._exit(1)
    service.ballast = held
    return True


def _accept(listener: socket.socket, service: Service) -> None:
    threading.stack_size(256 << 10)
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_converse, args=(sock, service), daemon=True).start()


def _converse(sock: socket.socket, service: Service) -> None:
    """Answer one client's requests until it hangs up."""
    with sock:
        connection = Connection(sock)
        try:
            while (request := _next(connection)) is not None:
                try:
                    service.answer(request, connection)
                except RefusedError as refused:
                    connection.send_json(refused.status, refused.body)
        except (ClientGoneError, OSError):
            return


def _next(connection: Connection) -> Request | None:
    """Return the next request; None when there is none, or when it made no sense."""
    try:
        return connection.read_request()
    except RefusedError as refused:
        connection.send_json(refused.status, refused.body)
        return None


def _drain(counters: Counters, seconds: float) -> None:
    """Let the answers in flight end, for at most so long."""
    _say("draining")
    until = time.monotonic() + seconds
    while counters.busy() and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.02)  # the last bytes of the last answer
    _say("bye")


def _say(text: str) -> None:
    print(f"fake: {text}", file=sys.stderr, flush=True)  # noqa: T201 - the engine's log


if __name__ == "__main__":
    main()
