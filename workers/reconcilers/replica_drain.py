"""Whether a copy that is to end still answers somebody: it is asked to end once it does not.

The engine's own figures say so, whatever its program does with a TERM: many cut their answers off.
One without figures (Ollama has no metrics page) is measured for a moment: it works, or it rests.
An answer may take its time, but not for ever, and one that no longer gets on is not waited for.
"""

import time

from models_app.domain.failures import FailureError
from models_app.domain.specs import Observed, ProbeSpec, WorkloadStats
from models_app.models import Replica
from models_app.services.leases import Lease, database_time
from workers.clients.engine_http import read_metrics
from workers.engines.base import Engine
from workers.runtimes.base import Ability, Runtime

MEASURED_S = 0.5  # of an engine that cannot count its requests
WORKING_PERCENT = 1.0  # of a core: answering the probes themselves takes a twentieth of it


def is_answering(runtime: Runtime, engine: Engine, probe: ProbeSpec, observed: Observed) -> bool:
    """Return whether requests are in flight there.

    Where a workload is no process (a shared Ollama server) nothing ends but a name, and the server
    finishes what it is at: nobody has to wait.
    """
    if not (observed.running and observed.address):
        return False
    if not probe.metrics_path:
        return Ability.PROCESSES in runtime.abilities and _works_now(runtime, observed)
    text = read_metrics(observed.address, probe.metrics_path, timeout_s=probe.probe_timeout_s)
    samples = engine.metrics(text) if text is not None else None
    if samples is None:  # too busy to tell, or beyond telling: its work shows which
        return is_working(_stats(runtime, observed))
    return bool((samples.requests_processing or 0) + (samples.requests_deferred or 0))


def is_working(stats: WorkloadStats | None) -> bool:
    """Return whether a workload uses the processor; one that cannot be measured is believed."""
    return stats is None or stats.cpu_percent is None or stats.cpu_percent >= WORKING_PERCENT


def _works_now(runtime: Runtime, observed: Observed) -> bool:
    """Measure it from now on: what it did before says nothing of its answers."""
    if _stats(runtime, observed) is None:
        return False
    time.sleep(MEASURED_S)
    stats = _stats(runtime, observed)
    return stats is not None and stats.cpu_percent is not None and is_working(stats)


def note_progress(lease: Lease[Replica], replica: Replica, stats: WorkloadStats | None) -> None:
    """Write down that a copy which ends gets on with its answers, if it does."""
    activity = stats.activity if stats else replica.activity + 1
    if activity > replica.activity:
        lease.write(activity=activity, progress_at=database_time())


def _stats(runtime: Runtime, observed: Observed) -> WorkloadStats | None:
    try:
        return runtime.stats(observed.name)
    except FailureError:
        return None
