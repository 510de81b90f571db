"""The runtime of `seed_demo`'s hosts: pretended machines, on which real processes answer.

Facts and figures are those of the row; what runs there is the fake engine (`DemoEngine`) on this
machine, so that scaling, editing and stopping a deployment of the demo go their real ways.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from models_app.domain.failures import RuntimeUnreachableError
from models_app.domain.specs import (
    ArtifactRef,
    HostFacts,
    HostUsage,
    Transfer,
    WorkloadSpec,
    WorkloadStats,
)
from workers.runtimes.process import lifecycle
from workers.runtimes.process.runtime import NOTHING, ProcessRuntime

MEASURED_SHARE = 0.93  # of what was predicted: engines of the demo take a little less


class DemoRuntime(ProcessRuntime):
    """A pretended machine. `connection` holds its `facts`, its `usage`, and `silent`."""

    def __init__(
        self,
        *,
        connection: Mapping[str, Any] = NOTHING,
        secret: Mapping[str, str] = NOTHING,
        identity: Mapping[str, str] = NOTHING,
        workloads: Path,
        models: Path,
        instance: str,
    ) -> None:
        self._played = connection
        name = Path(str(connection.get("facts", {}).get("hostname", "demo"))).name
        super().__init__(
            secret=secret,
            identity=identity,
            workloads=demo_folder(workloads) / name,
            models=models,
            instance=instance,
        )

    def __enter__(self) -> Self:
        """Open it. Raises RuntimeUnreachableError when it plays a silent machine."""
        if self._played.get("silent"):
            raise RuntimeUnreachableError("connect timeout after 3 s")
        return super().__enter__()

    def facts(self) -> HostFacts:
        """Return what the row says of the machine."""
        told = self._played["facts"]
        flags, warnings = tuple(told["cpu_flags"]), tuple(told["warnings"])
        return HostFacts(**{**told, "cpu_flags": flags, "warnings": warnings, "gpus": ()})

    def usage(self) -> HostUsage:
        """Return what the row says, and what is predicted of what runs there."""
        told = HostUsage(**self._played["usage"])
        taken = sum(self._pretended_bytes(observed.name) for observed in self.list_owned())
        return replace(
            told,
            memory_used_bytes=(told.memory_used_bytes or 0) + taken,
            memory_available_bytes=max(0, (told.memory_available_bytes or 0) - taken),
        )

    def ensure_artifact(self, artifact: ArtifactRef, *, seconds: float) -> Transfer:
        """Finished at once: the demo's models are names without files."""
        del seconds
        return Transfer(artifact.size_bytes or 0, artifact.size_bytes, finished=True)

    def create(self, spec: WorkloadSpec) -> None:
        """Start the fake engine under the workload's name, or adopt the one that runs."""
        lifecycle.start_or_adopt(spec, self._folder(spec.name), self._root, self._instance)

    def stats(self, name: str) -> WorkloadStats | None:
        """Return what the process does, with the memory that the model would take."""
        found = super().stats(name)
        return replace(found, memory_bytes=self._pretended_bytes(name)) if found else None

    def _pretended_bytes(self, name: str) -> int:
        record = self._folder(name).read_record()
        predicted = record.spec.get("memory_bytes") if record else None
        return int(MEASURED_SHARE * (predicted or 0))


def demo_folder(workloads: Path) -> Path:
    """Return where the workloads of pretended machines lie: beside those of this one."""
    return workloads.with_name(f"{workloads.name}-demo")
