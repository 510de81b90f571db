"""Ends parts that live but have fallen silent; the supervisor then starts them again.

A process that is killed lets go of everything. One that is stopped, or hangs, keeps it all: in
particular a worker may stop in the middle of a transaction, and SQLite has one write lock for
everybody. Why the limit is what it is: docs/decisions/supervision.md.
"""

import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass

import redis

from controlplane.launch.pulse import pulse_file
from controlplane.settings.paths import DataPaths

SILENT_S = 12.0  # shorter than the 20 s for which the others wait for SQLite's write lock
FIRST_SIGN_S = 180.0  # a start on a machine that is busy with ten other things takes a while
OWN_GAP_S = 5.0  # not having looked for so long, we ourselves were stopped: judge nobody by it
PING_EVERY_S = 2.0
PING_S = 1.0


@dataclass
class _Seen:
    pid: int
    sign: Hashable
    since: float
    is_first: bool = True  # no sign of its own yet


class Silence:
    """Tells who has shown no sign of life for too long. Pure but for its clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._looked_at = clock()

    def is_too_long(self, name: str, pid: int, sign: Hashable) -> bool:
        """Note what a part shows now; return whether it has been the same for too long."""
        now = self._clock()
        seen = self._seen.get(name)
        if seen is None or seen.pid != pid:
            self._seen[name] = _Seen(pid, sign, now)
            return False
        if seen.sign != sign:
            seen.sign, seen.since, seen.is_first = sign, now, False
            return False
        return now - seen.since > (FIRST_SIGN_S if seen.is_first else SILENT_S)

    def note_own_gap(self) -> None:
        """Forgive everybody the time for which this process itself did not look."""
        now = self._clock()
        gap, self._looked_at = now - self._looked_at, now
        if gap > OWN_GAP_S:
            for seen in self._seen.values():
                seen.since += gap


class Watchdog:
    """Looks at the signs of life of this installation's parts."""

    def __init__(self, paths: DataPaths) -> None:
        self._paths = paths
        self._silence = Silence()
        self._answers = 0
        self._pinged_at = -PING_EVERY_S

    def silent(self, pids: dict[str, int]) -> list[str]:
        """Return which of these running parts should be ended."""
        self._silence.note_own_gap()
        return [
            name
            for name, pid in pids.items()
            if self._silence.is_too_long(name, pid, self._sign_of(name))
        ]

    def _sign_of(self, name: str) -> Hashable:
        if name == "broker":
            return self.count_answers()
        with suppress(OSError):
            return pulse_file(self._paths, name).stat().st_mtime_ns
        return None

    def count_answers(self) -> int:
        """Ask the broker now and then; whatever it answers, it lives."""
        now = time.monotonic()
        if now - self._pinged_at < PING_EVERY_S:
            return self._answers
        self._pinged_at = now
        client = redis.Redis(unix_socket_path=str(self._paths.broker_socket), socket_timeout=PING_S)
        try:
            client.ping()
        except redis.ResponseError:
            self._answers += 1
        except (redis.ConnectionError, redis.TimeoutError):
            pass
        else:
            self._answers += 1
        finally:
            client.close()
        return self._answers
