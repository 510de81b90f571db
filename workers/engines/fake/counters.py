"""What the fake engine counts, and its metrics page in the words of llama.cpp."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_HELP = {
    "prompt_tokens_total": ("counter", "Number of prompt tokens processed."),
    "prompt_seconds_total": ("counter", "Total time spent processing prompts"),
    "tokens_predicted_total": ("counter", "Number of generation tokens processed"),
    "tokens_predicted_seconds_total": ("counter", "Total time spent generating tokens"),
    "requests_processing": ("gauge", "Number of requests processing"),
    "requests_deferred": ("gauge", "Number of requests deferred"),
}


class Counters:
    """Totals and the state of the slots, safe to change from many threads."""

    def __init__(self, slots: int) -> None:
        self._lock = threading.Lock()
        self._busy = [False] * slots
        self._free = threading.Semaphore(slots)
        self._values: dict[str, float] = dict.fromkeys(_HELP, 0)

    def add(self, name: str, amount: float) -> None:
        """Add to a total."""
        with self._lock:
            self._values[name] += amount

    @contextmanager
    def slot(self, wait: Callable[[float], None]) -> Iterator[int]:
        """Take a slot for the block; while all are busy, `wait` and count as deferred."""
        self.add("requests_deferred", 1)
        try:
            while not self._free.acquire(blocking=False):
                wait(0.02)
        finally:
            self.add("requests_deferred", -1)
        with self._lock:
            index = self._busy.index(False)
            self._busy[index] = True
            self._values["requests_processing"] += 1
        try:
            yield index
        finally:
            with self._lock:
                self._busy[index] = False
                self._values["requests_processing"] -= 1
            self._free.release()

    def slots(self) -> list[dict[str, object]]:
        """Return the slots as llama.cpp's page shows them."""
        with self._lock:
            return [{"id": i, "is_processing": busy} for i, busy in enumerate(self._busy)]

    def busy(self) -> int:
        """Return how many requests are at work or wait."""
        with self._lock:
            return int(self._values["requests_processing"] + self._values["requests_deferred"])

    def page(self) -> str:
        """Return the metrics page."""
        with self._lock:
            values = dict(self._values)
        lines = []
        for name, (kind, text) in _HELP.items():
            lines.append(f"# HELP llamacpp:{name} {text}")
            lines.append(f"# TYPE llamacpp:{name} {kind}")
            lines.append(f"llamacpp:{name} {values[name]:.15g}")
        return "\n".join(lines) + "\n"
