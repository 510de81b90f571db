"""A full sweep of a large fleet when nothing is due: `python -m benchmarks.sweep`.

Rows of 1,000 hosts and 10,000 replicas are written, none of them due; then each sweep is timed as
the worker runs it: relay what the outbox holds, ask every table for what is due. Then as many rows
as one second brings in a busy fleet are made due, and finding them is timed too. Promise: one
second when nothing is due.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from benchmarks.figures import machine, tell

PROMISED_S = 1.0


def main() -> int:
    """Measure; return 1 when the promise is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--replicas", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=50)
    options = parser.parse_args()
    machine()
    with tempfile.TemporaryDirectory() as folder:
        _begin(Path(folder))
        _seed(options.hosts, options.replicas)
        _sweep()  # once unseen: it loads the hands, as a worker does before its first task
        kept = tell(
            f"sweep of {options.hosts} hosts and {options.replicas} replicas, nothing due",
            unit="s",
            values=[_timed(_sweep) for _ in range(options.rounds)],
            promise=PROMISED_S,
        )
        from workers.reconcilers.sweep import BATCH

        due = _make_due()
        values = [_timed(_find) for _ in range(options.rounds)]
        title = f"finding {BATCH} of a kind, the most in one sweep, of {due} that are due"
        tell(title, unit="s", values=values, promise=None)
    return 0 if kept else 1


def _begin(folder: Path) -> None:
    os.environ["SLIPWAY_DATA"] = str(folder)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings.base")
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    settings.PATHS.make()
    call_command("migrate", verbosity=0)


def _seed(hosts: int, replicas: int) -> None:
    from django.core.management import call_command
    from django.utils import timezone

    from models_app.models import OutboxEntry, Replica
    from models_app.notify import relay
    from models_app.notify.workers import TASK_OF

    relay.silence()  # no broker runs here; nothing that is measured needs one
    call_command("seed_demo", hosts=hosts, replicas=replicas)
    OutboxEntry.objects.all().delete()
    later = timezone.now() + timedelta(hours=1)  # a living fleet: everything is looked at, later
    for model in TASK_OF:
        model._default_manager.update(next_action_at=later)
    print(f"live replicas in the database: {Replica.objects.count()}", flush=True)


def _sweep() -> None:
    from workers.tasks.reconcile import sweep_now

    sweep_now()


def _find() -> None:
    from workers.reconcilers.sweep import due_rows

    for _ in due_rows():
        pass


def _make_due() -> int:
    """Make due what a fleet that is looked at every five seconds brings in one."""
    from models_app.models import Host, Replica
    from models_app.services.leases import database_time

    made = 0
    for model in (Host, Replica):
        ids = list(model._default_manager.values_list("pk", flat=True))[::5]
        for begin in range(0, len(ids), 500):
            chosen = model._default_manager.filter(pk__in=ids[begin : begin + 500])
            made += chosen.update(next_action_at=database_time(-1))
    return made


def _timed(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


if __name__ == "__main__":
    raise SystemExit(main())
