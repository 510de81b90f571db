"""What stands in for every engine on the demo's hosts, at the pace that the model would have."""

from dataclasses import replace

from models_app.domain.specs import HostFacts, Problem, ServeRequest, WorkloadSpec
from workers.engines.fake.engine import FakeEngine
from workers.engines.fake.params import FakeParameters

BYTES_PER_S = 24e9  # of memory read: one token reads the whole model once
FASTEST, SLOWEST = 90.0, 2.0
START_S = 1.5


class DemoEngine(FakeEngine):
    """Takes the parameters of any engine: those that it knows count, the others are let be."""

    def check(self, request: ServeRequest, host: HostFacts) -> list[Problem]:
        """Return nothing: on a pretended machine every engine runs."""
        del request, host
        return []

    def plan(self, request: ServeRequest, host: HostFacts) -> WorkloadSpec:
        """Return the fake engine, as slow as the artifact is large."""
        known = {
            name: value
            for name, value in request.parameters.items()
            if name in ("context_length", "parallel_sequences") and value
        }
        pace = BYTES_PER_S / max(1, request.artifact.size_bytes or 1)
        played = FakeParameters(
            **known,
            tokens_per_s=round(max(SLOWEST, min(FASTEST, pace)), 1),
            startup_delay_s=START_S,
        )
        return super().plan(replace(request, parameters=played.model_dump()), host)
