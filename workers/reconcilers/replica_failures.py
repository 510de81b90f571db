"""Says why a workload ended: the engine's own last lines first, then how the process went."""

from typing import Any

from models_app.domain.failures import Failure, FailureCode, FailureError
from models_app.domain.specs import Observed
from models_app.models import Replica
from workers.engines.base import Engine
from workers.runtimes.base import Runtime

EVIDENCE_LINES = 30


def diagnose(
    runtime: Runtime, engine: Engine, replica: Replica, observed: Observed | None
) -> FailureError:
    """Return the failure of an ended workload. It is cleared away once this is recorded."""
    lines = last_lines(runtime, replica)
    exit_code = observed.exit_code if observed else None
    code, params = FailureCode.ENGINE_EXITED, {"exit_code": exit_code}
    problem = engine.explain(lines, exit_code)
    if observed and observed.out_of_memory:
        code, params = FailureCode.OUT_OF_MEMORY, _memory(replica)
    elif problem:
        code, params = FailureCode(problem.code), dict(problem.params)
    return FailureError(Failure(code, params, lines))


def give_up(runtime: Runtime, replica: Replica, code: FailureCode, **params: Any) -> FailureError:
    """Return a failure of a workload that still runs. It is ended once this is recorded."""
    lines = last_lines(runtime, replica)
    return FailureError(Failure(code, params, lines))


def last_lines(runtime: Runtime, replica: Replica) -> tuple[str, ...]:
    """Return the last lines that the workload wrote."""
    return tuple(line.text for line in runtime.tail(replica.workload, lines=EVIDENCE_LINES))


def _memory(replica: Replica) -> dict[str, Any]:
    return {"predicted_bytes": replica.predicted_bytes, "peak_bytes": replica.peak_bytes}
