"""Carries a replica's output to its readers, one short step at a time.

It writes no row: what it reads lies in the engine's log on the host, and stays there.
"""

from models_app.domain.failures import FailureCode, FailureError, RuntimeUnreachableError
from models_app.domain.specs import LogLine
from models_app.models import Replica
from models_app.notify.log_following import Following, following
from workers.reconcilers.bulkhead import HostBusyError
from workers.reconcilers.runtimes import runtime_of
from workers.runtimes.base import Runtime

FIRST_LINES = 500
PREVIOUS_LINES = 1000
LINES_PER_CALL = 500
CALLS = 4  # in one step; a flood is skipped over, not queued


def follow(replica_id: int) -> None:
    """Carry what is new, if somebody reads and nobody else is at it."""
    with following(replica_id) as step:
        if step is None:
            return
        replica = Replica.objects.select_related("host").filter(pk=replica_id).first()
        if replica is None:
            step.report(FailureCode.HOST_UNREACHABLE)
            return
        try:
            with runtime_of(replica.host) as runtime:
                _carry(step, runtime, replica.workload)
        except (RuntimeUnreachableError, HostBusyError):
            step.report(FailureCode.HOST_UNREACHABLE)
        except FailureError as error:
            step.report(error.failure.code)


def _carry(step: Following, runtime: Runtime, workload: str) -> None:
    if step.wants_previous:
        step.answer_previous(runtime.tail(workload, lines=PREVIOUS_LINES, previous=True))
    after = step.after
    if after is None:
        lines = runtime.tail(workload, lines=FIRST_LINES)
        step.append(lines, after=_last(lines, -1))
        return
    for _ in range(CALLS):
        lines = runtime.logs(workload, after=after, limit=LINES_PER_CALL)
        after = _last(lines, after)
        step.append(lines, after=after)
        if len(lines) < LINES_PER_CALL:
            return


def _last(lines: list[LogLine], before: int) -> int:
    return lines[-1].offset if lines else before
