"""The Engine seam: WHAT to run.

An engine turns a wish into a `WorkloadSpec`. It is pure: same input, same answer; it imports the
domain and pydantic only, and never Django, an SDK, a clock or the environment.
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from models_app.domain.specs import (
    EngineManifest,
    EngineSamples,
    HostFacts,
    PrepareStep,
    ProbeSpec,
    Problem,
    ServeRequest,
    WorkloadSpec,
)


class Engine(Protocol):
    """What every engine SHALL do; `tests/contracts/test_engines.py` holds each one to it."""

    @property
    def manifest(self) -> EngineManifest:
        """Return what the engine is. SHALL be constant."""
        ...

    def check(self, request: ServeRequest, host: HostFacts) -> list[Problem]:
        """Return why this cannot run there; empty when it can. SHALL NOT raise on bad parameters:
        an invalid parameter is a Problem too."""
        ...

    def plan(self, request: ServeRequest, host: HostFacts) -> WorkloadSpec:
        """Return what to run. SHALL be deterministic: the spec's fingerprint decides recreation.

        Parameters are validated by a model that forbids extras; free flags never reach argv.
        """
        ...

    def probe(self, spec: WorkloadSpec) -> ProbeSpec:
        """Return how to know that the workload serves."""
        ...

    def metrics(self, text: str) -> EngineSamples:
        """Parse the engine's metrics page. SHALL NOT raise on unknown or malformed lines."""
        ...

    def explain(self, log_tail: tuple[str, ...], exit_code: int | None) -> Problem | None:
        """Return what the engine's last lines say went wrong (memory, port, file), else None."""
        ...


@runtime_checkable
class TellsDefaults(Protocol):
    """What an engine SHALL do besides when its API overrules what is set on a model.

    Where a request names no temperature, Ollama's OpenAI routes take 1.0, whatever the model says.
    The gateway then puts the model's own in.
    """

    @property
    def defaults_step(self) -> PrepareStep:
        """Return what to ask a workload that serves. SHALL change nothing."""
        ...

    def request_defaults(self, text: str) -> Mapping[str, float]:
        """Return from its answer what a request that names nothing gets, by field of the API."""
        ...
