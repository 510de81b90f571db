"""Background threads that send what commits leave behind: one for nudges, one for hints.

A request never waits for the broker: after commit a message goes into a queue and a thread sends
it. When the broker is away the message is dropped here; the outbox row and the sweep bring nudges
again, and browsers resynchronise by themselves. Two threads, since a nudge that waits for a broker
that is away must not hold up the hints of browsers.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

QUEUE_LIMIT = 10_000  # messages; beyond it the oldest truth is in the database anyway

Job = Callable[[], Coroutine[Any, Any, None] | None]


class Relay:
    """Runs small sending jobs in order, on a thread with an event loop of its own."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.Queue[Job] = queue.Queue(QUEUE_LIMIT)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._silent = False

    def silence(self) -> None:
        """Send nothing from now on, where no broker runs yet; the outbox keeps every nudge."""
        self._silent = True

    def send(self, job: Job) -> None:
        """Queue a job; drop it when the queue is full. Never blocks, never raises."""
        if self._silent:
            return
        self._start()
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            log.warning("relay queue is full, message dropped")

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            while True:
                job = self._jobs.get()
                try:
                    coroutine = job()
                    if coroutine is not None:
                        runner.run(coroutine)
                except Exception as error:
                    # One line each: while the broker is away there are many.
                    log.warning("relay could not send: %r", error)
                    log.debug("relay could not send", exc_info=True)


nudges = Relay("relay of nudges")
hints = Relay("relay of hints")


def silence() -> None:
    """Send nothing from this process."""
    nudges.silence()
    hints.silence()
