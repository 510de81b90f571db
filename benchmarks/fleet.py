"""Many hosts against a stand-in of Docker's HTTP API: `python -m benchmarks.fleet`.

`pass`: every host and every replica is looked at once, all steady: seconds, CPU, queries a host.
`dead`: half of the hosts take connections and never answer; how long what is asked of the others'
replicas takes, beside the same without the dead: in turn, so that both meet the same machine.

Promises: 100 hosts, 1,000 replicas in 10 s on one core, 5 queries a host; others 20 % later.
"""

import argparse
import os
import queue
import random
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.figures import machine, share, tell
from benchmarks.fleet_rows import fleet

PASS_S, QUERIES, LATER = 10.0, 5.0, 1.2
THREADS = 16  # controlplane.launch.parts.CONTROL_THREADS
SWEEP_S = 0.5
PASSES = 3
ASKED_A_SWEEP = 3
SETTLED_S = 5.0  # of each round, left out
JOIN_S = 15.0  # a call to a silent host ends by then

Job = tuple[Callable[[int], None], int]


def main() -> int:
    """Measure; return 1 when a promise is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("pass", "dead"))
    parser.add_argument("--hosts", type=int, default=0, help="default: 100 for pass, 50 for dead")
    parser.add_argument("--seconds", type=float, default=20.0, help="of `dead`, each time")
    parser.add_argument("--rounds", type=int, default=4, help="of `dead`: with and without")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "SLIPWAY_DATA": folder,
            "DJANGO_SETTINGS_MODULE": "controlplane.settings.base",
        }
        begin()
        machine()
        if options.what == "pass":
            kept = steady_pass(options.hosts or 100, Path(folder))
        else:
            kept = half_dead(options.hosts or 50, Path(folder), options.seconds, options.rounds)
    return 0 if kept else 1


def begin() -> None:
    """Make an empty ledger, whose nudges stay in the outbox."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.NUDGE_AFTER_COMMIT = False
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    call_command("migrate", verbosity=0)


# --- measuring ---------------------------------------------------------------------------------


def steady_pass(hosts: int, folder: Path) -> bool:
    """Look at everything that is due a few times over, when all of it is well."""
    from models_app.models import Host, Replica
    from workers.reconcilers.hosts import LOOK_EVERY_S, reconcile_host

    with fleet(hosts, folder):
        every: list[Job] = [
            (reconcile_host, pk) for pk in Host.objects.values_list("pk", flat=True)
        ]
        for _ in range(2):  # facts are read, and the looks of hosts answer for all replicas
            run_all(every)
        states = Counter(Replica.objects.values_list("state", flat=True))
        print("replicas:", dict(states), "hosts:", Counter(Host.objects.values_list("state")))
        taken, asked = [], Counter[str]()
        for _ in range(PASSES):
            with counted() as queries:
                wall, cpu = run_all([*every, *due_replicas()])
            taken.append((wall, cpu, len(queries) / hosts))
            asked.update(queries)
    walls, cpus, each = (list(figures) for figures in zip(*taken, strict=True))
    kept = tell(f"pass over {hosts} hosts", unit="s", values=walls, promise=PASS_S)
    kept &= tell("processor seconds a pass", unit="s", values=cpus, promise=PASS_S)
    kept &= tell("cores, without a pause", unit="", values=[sum(cpus) / sum(walls)], promise=1.0)
    pace = [one / LOOK_EVERY_S for one in cpus]
    kept &= tell("cores, at the pace of looks", unit="", values=pace, promise=1.0)
    print("most frequent:", *asked.most_common(12), sep="\n  ")
    # Once in ten minutes a pass also reads what the machine is: the median is without.
    return kept & tell("queries a host", unit="", values=each, promise=QUERIES)


def due_replicas() -> "list[Job]":
    """Return what the sweep would find: a replica that no host's look answered for."""
    from models_app.notify.workers import RECONCILE_REPLICA
    from workers.reconcilers.replicas import reconcile_replica
    from workers.reconcilers.sweep import due_rows

    return [(reconcile_replica, pk) for task, pk in due_rows() if task == RECONCILE_REPLICA]


def run_all(jobs: "list[Job]") -> tuple[float, float]:
    """Do the jobs on as many threads as a worker has; return seconds and CPU seconds."""
    from django.db import connections

    def work(job: Job) -> None:
        job[0](job[1])

    began, cpu = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, jobs))
        for _ in range(THREADS):
            pool.submit(connections.close_all)
    return time.monotonic() - began, time.process_time() - cpu


@contextmanager
def counted() -> Iterator[list[str]]:
    """Note the first words of every thread's queries; beginning a transaction is none."""
    from django.db.backends.utils import CursorWrapper

    found: list[str] = []
    plain = CursorWrapper.execute

    def execute(self: Any, *args: Any, **more: Any) -> Any:
        words = str(args[0])
        if not words.startswith(("BEGIN", "SAVEPOINT", "RELEASE", "PRAGMA")):
            found.append(words[:70])
        return plain(self, *args, **more)

    CursorWrapper.execute = execute  # type: ignore[method-assign]
    try:
        yield found
    finally:
        CursorWrapper.execute = plain  # type: ignore[method-assign]


def half_dead(hosts: int, folder: Path, seconds: float, rounds: int) -> bool:
    """Compare how long the living hosts' rows wait, with and without the dead."""
    dead = hosts // 2
    late: dict[int, list[float]] = {0: [], dead: []}  # by how many are silent
    for _ in range(rounds):
        for silent in late:  # as many that live, both times
            every = hosts - dead + silent
            with fleet(every, folder, silent=silent):
                hosts_late, asked_late = lateness(seconds, silent=silent)
            name = f"{silent} of {every} hosts silent"
            tell(f"{name}: looks at hosts late by", unit="s", values=hosts_late, promise=None)
            tell(f"{name}: asked of replicas took", unit="s", values=asked_late, promise=None)
            late[silent] += asked_late
    kept = True
    for name, part in (("median", 0.5), ("95th percentile", 0.95)):
        ratio = share(late[dead], part) / share(late[0], part)
        kept &= tell(f"{name}, as a share", unit="", values=[ratio], promise=LATER)
    return kept


def lateness(seconds: float, *, silent: int) -> tuple[list[float], list[float]]:
    """Work as a worker does for so long; return how late living hosts and their replicas were."""
    from models_app.models import Host

    order = list(Host.objects.order_by("pk").values_list("pk", flat=True))
    worker = Worker(set(order[silent:]))
    threads = [threading.Thread(target=worker.work, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        worker.ask()
        worker.sweep()
        time.sleep(SWEEP_S)
    worker.stop()
    for thread in threads:
        thread.join(JOIN_S)
    for kind, number in worker.looks.most_common():
        print(f"  {kind}: {number / seconds:.1f} looks/s, {worker.spent[kind] / seconds:.3f} cores")
    settled = began + SETTLED_S
    return tuple(  # type: ignore[return-value]
        [late for at, late in found if at > settled]
        for found in (worker.hosts_late, worker.asked_late)
    )


class Worker:
    """The control queue of one worker: a sweep that asks, threads that look."""

    def __init__(self, living: set[int]) -> None:
        from models_app.models import Host, Replica
        from workers.reconcilers.hosts import reconcile_host
        from workers.reconcilers.replicas import reconcile_replica

        self.living = living
        self.hosts_late: list[tuple[float, float]] = []  # when it was done, how late that was
        self.asked_late: list[tuple[float, float]] = []
        self.looks = Counter[str]()  # by what was looked at
        self.spent: dict[str, float] = defaultdict(float)  # processor seconds
        self.asked: queue.Queue[tuple[type[Any], int] | None] = queue.Queue()
        self._pending: set[tuple[type[Any], int]] = set()
        self._is_over = False
        self._of_living = list(Replica.objects.filter(host__in=living).values_list("pk", flat=True))
        self._do: dict[type[Any], Callable[[int], None]] = {
            Host: reconcile_host,
            Replica: reconcile_replica,
        }

    def ask(self) -> None:
        """Ask for a few replicas of living hosts, as a person who scales or stops would."""
        from models_app.models import Replica
        from models_app.services.leases import database_time

        some = random.sample(self._of_living, ASKED_A_SWEEP)
        Replica.objects.filter(pk__in=some).update(next_action_at=database_time())

    def sweep(self) -> None:
        """Ask for every row that is due, that nobody works on and that was not asked for."""
        from models_app.notify.workers import TASK_OF
        from workers.reconcilers.sweep import due_rows

        models = {TASK_OF[model]: model for model in self._do}
        for task, pk in due_rows():
            model = models.get(task)
            if model is not None and (model, pk) not in self._pending:
                self._pending.add((model, pk))
                self.asked.put((model, pk))

    def stop(self) -> None:
        """Let every thread end after the row that it looks at."""
        self._is_over = True
        for _ in range(THREADS):
            self.asked.put(None)

    def work(self) -> None:
        """Look at rows until told to stop."""
        from django.db import connection

        while (job := self.asked.get()) and not self._is_over:
            self._look(*job)
            self._pending.discard(job)
        connection.close()

    def _look(self, model: type[Any], pk: int) -> None:
        from django.utils import timezone

        row = model.objects.filter(pk=pk).first()
        began = time.thread_time()
        self._do[model](pk)
        is_host = not hasattr(row, "host_id")
        host = pk if is_host else row.host_id
        kind = f"{'living' if host in self.living else 'silent'} {model.__name__}"
        self.looks[kind] += 1
        self.spent[kind] += time.thread_time() - began
        if row is not None and row.next_action_at and host in self.living:
            late = (timezone.now() - row.next_action_at).total_seconds()
            (self.hosts_late if is_host else self.asked_late).append((time.monotonic(), late))


if __name__ == "__main__":
    raise SystemExit(main())
