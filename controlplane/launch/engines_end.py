"""Ending the engines at a stop: once, beside the parts that still end, within one deadline."""

import threading
import time
from collections.abc import Callable

STOP_S = 8.0  # of the ten that a stop may take: the signal is seen within one, leaving takes a bit
# Half of it they are asked to end, then killed: whoever reads their answers through us is cut off.
ENGINES_S = 4.0
ENGINES_LEAST_S = 2.0


class EnginesEnd:
    """Runs `end(seconds)` on a thread of its own; `finish` returns when it is over."""

    def __init__(self, end: Callable[[float], object]) -> None:
        self._end = end
        self._deadline: float | None = None
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def hear(self) -> None:
        """Note that a stop is wished for: the time runs from the first call."""
        if self._deadline is None:
            self._deadline = time.monotonic() + STOP_S

    def begin(self) -> None:
        """Begin, at the first call. Not before the hands are gone: they would start them again."""
        self.hear()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="engines-end")
            self._thread.start()

    def finish(self) -> None:
        """Return when the engines have ended, having begun if need be; raise what went wrong."""
        self.begin()
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        left = (self._deadline or 0.0) - time.monotonic()
        try:
            self._end(min(ENGINES_S, max(ENGINES_LEAST_S, left)))
        except Exception as error:  # noqa: BLE001 - raised again by `finish`
            self._error = error
