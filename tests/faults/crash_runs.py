"""Lets one workflow crash or fall asleep at each of its points, and another process finish it.

Run as `python -m tests.faults.crash_runs HOW WORKFLOW EACH` with SLIPWAY_DATA set; HOW is `crash`
or `freeze`. Writes one JSON line per point. There is no broker: a child forked per step works on
whatever is due. This process itself never opens the database with our code, so that a fork copies
neither threads nor connections.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.faults.crash_points import CRASHED, Point, Wire, crash, fall_asleep, module_of
from tests.faults.observer import Observer
from tests.faults.workflows import WORKFLOWS, Run, Workflow

STEP_S = 60.0  # longer than that, something is stuck
BACKOFF_S = 0.2  # instead of ten seconds
HUNG = 3


class Stage:
    """One data folder on which runs follow one another."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.observer = Observer(data)
        self.wire = Wire()
        self._runs = 0

    def next_run(self) -> Run:
        """Return a run with names of its own."""
        self._runs += 1
        return Run(self._runs, self.data, self.observer)

    def child(self, act: Callable[[], object]) -> int:
        """Do something in a process of its own; return how that ended."""
        return os.waitstatus_to_exitcode(os.waitpid(self.begin(act), 0)[1])

    def begin(self, act: Callable[[], object]) -> int:
        """Begin something in a process of its own; return its pid."""
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                act()
                code = 0
            except TimeoutError:
                code = HUNG
            except BaseException:  # noqa: BLE001 - the child ends here whatever it was
                traceback.print_exc()
            finally:
                os._exit(code)
        return pid

    def must(self, act: Callable[[], object], what: str) -> None:
        """Do something in a process of its own that shall not fail."""
        code = self.child(act)
        if code:
            raise AssertionError(f"{what} ended with {code}\n{self.observer.told()}")


def main(how: str, name: str, each: int) -> None:
    """Run one workflow unharmed, then once for each point that was seen."""
    import django

    django.setup()
    workflow = WORKFLOWS[name]
    stage = Stage(Path(os.environ["SLIPWAY_DATA"]))
    stage.must(_set_up, "set-up")
    stage.wire.install()
    for point in _points(stage, workflow, each):
        sys.stdout.write(json.dumps(HURT[how](stage, workflow, point)) + "\n")
        sys.stdout.flush()


def _points(stage: Stage, workflow: Workflow, each: int) -> list[Point]:
    """Return the points that an unharmed run passes; its child tells them through a pipe."""
    run = stage.next_run()
    stage.must(lambda: _prepare(workflow, run), "prepare")
    reader, writer = os.pipe()

    def record() -> None:
        stage.wire.arm(None, crash)
        workflow.wish(run)
        _work(lambda: workflow.is_settled(run))
        seen = [[p.call, p.nth, p.after] for p in stage.wire.points(each)]
        os.write(writer, json.dumps(seen).encode())

    stage.must(record, "the unharmed run")
    os.close(writer)
    with os.fdopen(reader) as told:
        points = [Point(*fields) for fields in json.load(told)]
    stage.must(lambda: _undo(workflow, run), "undo")
    return points


def _crash_and_finish(stage: Stage, workflow: Workflow, point: Point) -> dict[str, object]:
    run = stage.next_run()
    stage.must(lambda: _prepare(workflow, run), "prepare")
    stage.must(lambda: workflow.wish(run), "wish")

    def work() -> None:
        stage.wire.arm(point, crash)
        _work(lambda: workflow.is_settled(run))

    crashed = stage.child(work) == CRASHED
    began = time.monotonic()
    finished = stage.child(lambda: _take_over_and_work(workflow, run)) == 0
    return _judge(stage, workflow, run, {"point": str(point), "hurt": crashed}, finished, began)


def _freeze_and_finish(stage: Stage, workflow: Workflow, point: Point) -> dict[str, object]:
    """Let another take over from one that sleeps; then wake the sleeper: it knows of nothing."""
    run = stage.next_run()
    stage.must(lambda: _prepare(workflow, run), "prepare")
    stage.must(lambda: workflow.wish(run), "wish")

    def work() -> None:
        stage.wire.arm(point, fall_asleep)
        _work(lambda: workflow.is_settled(run))

    sleeper = stage.begin(work)
    is_asleep = os.WIFSTOPPED(os.waitpid(sleeper, os.WUNTRACED)[1])
    began = time.monotonic()
    taken_over = stage.child(lambda: _outlast_and_work(workflow, run)) == 0
    is_woken, engines = False, run.engines()
    if is_asleep:
        os.kill(sleeper, signal.SIGCONT)
        is_woken = os.waitstatus_to_exitcode(os.waitpid(sleeper, 0)[1]) == 0
    settled = stage.child(lambda: _work(lambda: workflow.is_settled(run))) == 0
    told = {
        "point": str(point),
        "hurt": is_asleep,
        "taken_over": taken_over,
        "woken": is_woken,
        "disturbed": run.engines() != engines,
    }
    return _judge(stage, workflow, run, told, taken_over and settled, began)


HURT = {"crash": _crash_and_finish, "freeze": _freeze_and_finish}


def _judge(
    stage: Stage,
    workflow: Workflow,
    run: Run,
    told: Mapping[str, object],
    finished: bool,
    began: float,
) -> dict[str, object]:
    answer = {
        **told,
        "finished": finished,
        "seconds": round(time.monotonic() - began, 2),
        "broken": stage.observer.broken(),
        "left": workflow.left_over(run),
        "told": "" if finished else stage.observer.told(),
    }
    stage.must(lambda: _undo(workflow, run), "undo")
    return answer


def _prepare(workflow: Workflow, run: Run) -> None:
    workflow.prepare(run)
    _work(lambda: workflow.is_prepared(run))


def _undo(workflow: Workflow, run: Run) -> None:
    workflow.undo(run)
    _work(lambda: not run.engines())


def _take_over_and_work(workflow: Workflow, run: Run) -> None:
    """Do what a worker does that starts after another died, then work."""
    from workers.reconcilers.owners import free_what_the_dead_held

    free_what_the_dead_held()
    _work(lambda: workflow.is_settled(run))


def _outlast_and_work(workflow: Workflow, run: Run) -> None:
    """Do what a second worker does once the leases of a silent one have run out."""
    from models_app.notify.workers import TASK_OF
    from models_app.services.leases import database_time

    for model in TASK_OF:
        held = model._default_manager.filter(lease_until__isnull=False)
        held.update(lease_until=database_time(-1), next_action_at=database_time(-1))
    _work(lambda: workflow.is_settled(run))


def _work(is_done: Callable[[], bool]) -> None:
    """Look at what is due until it is done: a sweep without a broker."""
    from workers.reconcilers.sweep import due_rows
    from workers.tasks import reconcile

    base = module_of("workers.reconcilers.base")
    base.BACKOFF_FIRST_S = BACKOFF_S
    base.workers.send_later = lambda *_: None
    until = time.monotonic() + STEP_S
    while not is_done():
        if time.monotonic() > until:
            raise TimeoutError
        for task, row_id in list(due_rows()):
            getattr(reconcile, task.removeprefix("slipway.")).run(row_id)
        time.sleep(0.02)


def _set_up() -> None:
    from django.conf import settings
    from django.core.management import call_command

    from models_app.domain.actors import SYSTEM
    from models_app.services.engines import engines_publish
    from models_app.services.hosts import host_add
    from workers.registry import engines

    settings.PATHS.make()
    call_command("migrate", verbosity=0)
    engines_publish(engine.manifest for engine in engines().values())
    host_add(SYSTEM, name="here", runtime="process")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
