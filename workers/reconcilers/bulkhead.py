"""Keeps a dead or slow host from taking the slots of the others.

A worker has so many threads, and a host that does not answer holds each thread that speaks to it
until its time is over. So a host that has not answered lately is spoken to by one thread at a time,
by few threads for all such hosts together, and only to find out whether it is back. Nobody waits
here: who finds no slot gives the row back and is due again soon, or when its turn in the line of
all that may be dead has about come.

Copying an artifact holds its thread for seconds on purpose. It has a lane of its own, one slot of a
host and few of a process: whoever receives gigabytes is still looked at, and can still be stopped.

What is known of a host comes from its row, which every process reads, and from what this process
itself has just met.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from models_app.domain.failures import RuntimeUnreachableError
from models_app.models import Host
from models_app.models.clock import database_now

FRESH_S = 30.0  # since it was seen last; hosts are looked at every 5 seconds
SLOW_S = 0.5  # a call that takes longer keeps others away from the host
PER_HOST = 4
DOUBTFUL_SLOTS = 4  # of a process, for all hosts together that may be dead
COPY_SLOTS = 6  # of a process, for all hosts together that receive artifacts
BUSY_AGAIN_S = 3.0
DOUBTFUL_AGAIN_S = 5.0
PROBE_S = 2.0  # about what finding nobody takes
LINE_LIMIT_S = 15.0
LINE_KEPT_S = 30.0  # of who asked and has not come back: another process looked at it


class HostBusyError(Exception):
    """No slot for this host now: try again in `again_s`. Says nothing about the host."""

    def __init__(self, again_s: float) -> None:
        self.again_s = again_s
        super().__init__(again_s)


class Bulkhead:
    """The slots of one process."""

    def __init__(
        self, *, doubtful_slots: int = DOUBTFUL_SLOTS, copy_slots: int = COPY_SLOTS
    ) -> None:
        self._lock = threading.Lock()
        self._copying: set[int] = set()  # hosts
        self._copy_slots = copy_slots
        self._calls: dict[int, list[float]] = defaultdict(list)  # host -> when each call began
        self._failed_at: dict[int, float] = {}  # host -> moment on the database's clock
        self._doubtful_slots = self._doubtful_left = doubtful_slots
        self._line: dict[int, float] = {}  # hosts that may be dead -> when they found no slot

    @contextmanager
    def call(self, host: Host, *, probing: bool) -> Iterator[bool]:
        """Hold a slot for a call to the host; yield whether the host may be dead.

        `probing`: the caller finds out whether the host is there; nobody else speaks to one that
        may be dead. Raises HostBusyError.
        """
        is_doubtful = self.is_doubtful(host)
        began = self._take(host, is_doubtful=is_doubtful, probing=probing)
        try:
            with self._met(host):
                yield is_doubtful
        finally:
            with self._lock:
                self._calls[host.pk].remove(began)
                self._doubtful_left += is_doubtful
                if not self._calls[host.pk]:
                    del self._calls[host.pk]

    @contextmanager
    def copy(self, host: Host) -> Iterator[None]:
        """Hold the host's one slot for a slice of copying to it. Raises HostBusyError."""
        if self.is_doubtful(host):
            raise HostBusyError(DOUBTFUL_AGAIN_S)
        with self._lock:
            if host.pk in self._copying or len(self._copying) >= self._copy_slots:
                raise HostBusyError(BUSY_AGAIN_S)
            self._copying.add(host.pk)
        try:
            with self._met(host):
                yield
        finally:
            with self._lock:
                self._copying.discard(host.pk)

    @contextmanager
    def _met(self, host: Host) -> Iterator[None]:
        """Remember how the host was met."""
        try:
            yield
        except RuntimeUnreachableError:
            self._failed_at[host.pk] = database_now().timestamp()
            raise
        else:
            self._failed_at.pop(host.pk, None)

    def is_doubtful(self, host: Host) -> bool:
        """Return whether the host has not answered lately, as far as anybody knows."""
        seen = host.last_seen_at or datetime.fromtimestamp(0, UTC)
        is_fresh = host.misses == 0 and database_now().timestamp() - seen.timestamp() < FRESH_S
        return not is_fresh or self._failed_at.get(host.pk, 0.0) > seen.timestamp()

    def _take(self, host: Host, *, is_doubtful: bool, probing: bool) -> float:
        now = time.monotonic()
        with self._lock:
            calls = self._calls.get(host.pk, [])
            if is_doubtful and not probing:
                raise HostBusyError(DOUBTFUL_AGAIN_S)
            if is_doubtful and calls:
                raise HostBusyError(BUSY_AGAIN_S)
            if is_doubtful and self._doubtful_left <= 0:
                raise HostBusyError(self._stand_in_line(host.pk, now))
            if len(calls) >= PER_HOST or any(now - began > SLOW_S for began in calls):
                raise HostBusyError(BUSY_AGAIN_S)
            self._doubtful_left -= is_doubtful
            self._calls[host.pk].append(now)
            self._line.pop(host.pk, None)
            return now

    def _stand_in_line(self, host_id: int, now: float) -> float:
        """Return when to ask again: trying is work too, and the living pay for it."""
        self._line[host_id] = now
        self._line = {pk: at for pk, at in self._line.items() if now - at < LINE_KEPT_S}
        turns = len(self._line) / self._doubtful_slots
        return min(max(BUSY_AGAIN_S, turns * PROBE_S), LINE_LIMIT_S)


BULKHEAD = Bulkhead()
