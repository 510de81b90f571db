"""Where a reconciler may die or fall asleep: before and after each call that leaves the process.

`Wire` wraps runtimes, sources, the model store and the engine's HTTP client. It counts the calls;
armed with a point, it ends the process there as `kill -9` would (nothing is flushed or undone), or
stops it there until somebody wakes it.
"""

import importlib
import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

CRASHED = 77


@dataclass(frozen=True)
class Point:
    """Before or after the n-th call of one name."""

    call: str
    nth: int
    after: bool

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} {self.call}#{self.nth}"


class Wire:
    """Sees every call that leaves the process."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.armed: Point | None = None
        self._meet: Callable[[], None] = crash

    def arm(self, point: Point | None, meet: Callable[[], None]) -> None:
        """Forget what was counted, and let `meet` happen at `point`, once."""
        self.counts.clear()
        self.armed, self._meet = point, meet

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return `call` with this wire around it."""

        @wraps(call)
        def seen(*args: Any, **kwargs: Any) -> Any:
            self.counts[name] += 1
            nth = self.counts[name]
            self._reach(Point(name, nth, after=False))
            answer = call(*args, **kwargs)
            self._reach(Point(name, nth, after=True))
            return answer

        return seen

    def points(self, each: int) -> list[Point]:
        """Return the points of what was counted; of calls that repeat, the first `each`."""
        return [
            Point(name, nth, after)
            for name, count in self.counts.items()
            for nth in range(1, min(count, each) + 1)
            for after in (False, True)
        ]

    def install(self) -> None:
        """Lay the wire around everything that the reconcilers call."""
        replica_watch = module_of("workers.reconcilers.replica_watch")
        runtimes = module_of("workers.reconcilers.runtimes")
        importing = module_of("workers.reconcilers.operations.importing")
        verifying = module_of("workers.reconcilers.operations.verifying")
        store = module_of("models_app.domain.store").ModelStore
        open_runtime, source_of = runtimes.open_runtime, importing.source_of
        runtimes.open_runtime = lambda *a, **k: _Wired(self, open_runtime(*a, **k))
        importing.source_of = lambda *a, **k: _Wired(self, source_of(*a, **k))
        for module, name in (
            (replica_watch, "ask_health"),
            (replica_watch, "ask_for_one_token"),
            (replica_watch, "read_metrics"),
            (importing, "hash_with_progress"),
            (importing.ImportWork, "clean_up"),
            (verifying, "hash_with_progress"),
            (store, "adopt"),
            (store, "remove"),
        ):
            setattr(module, name, self.around(name, getattr(module, name)))

    def _reach(self, point: Point) -> None:
        if point == self.armed:
            self.armed = None
            self._meet()


def crash() -> None:
    """End this process as the kernel would."""
    os._exit(CRASHED)


def fall_asleep() -> None:
    """Stop this process where it is; what it holds, it keeps."""
    os.kill(os.getpid(), signal.SIGSTOP)


def module_of(name: str) -> Any:
    """Return a module to be changed, also in what it only imports."""
    return importlib.import_module(name)


class _Wired:
    """A runtime or source with the wire around each of its methods."""

    def __init__(self, wire: Wire, inner: Any) -> None:
        self._wire = wire
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        return self._wire.around(name, value) if callable(value) else value

    def __enter__(self) -> "_Wired":
        self._inner.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._inner.__exit__(*details)
