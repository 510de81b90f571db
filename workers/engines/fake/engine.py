"""The fake engine's planner: no model, but a real process that speaks the OpenAI protocol."""

import re

from models_app.domain.failures import FailureCode
from models_app.domain.specs import (
    EngineManifest,
    EngineSamples,
    HostFacts,
    ProbeSpec,
    Problem,
    ServeRequest,
    WorkloadSpec,
)
from workers.engines.fake.params import FakeParameters
from workers.engines.metrics import read_samples
from workers.engines.parameters import parse, problems, schema

NAMES = {
    "prompt_tokens_total": "llamacpp:prompt_tokens_total",
    "prompt_seconds_total": "llamacpp:prompt_seconds_total",
    "completion_tokens_total": "llamacpp:tokens_predicted_total",
    "completion_seconds_total": "llamacpp:tokens_predicted_seconds_total",
    "requests_processing": "llamacpp:requests_processing",
    "requests_deferred": "llamacpp:requests_deferred",
}
IMAGES = {"cpu": "slipway/fake-engine:1"}  # built by the tests
MANIFEST = EngineManifest(
    key="fake",
    label="Fake engine",
    description="Serves no model: plausible words at the pace that is set. For tests and demos.",
    version="1",
    formats=("gguf", "onnx", "safetensors"),
    runtimes=("process", "docker"),
    accelerators=("cpu",),
    parameters_schema=schema(FakeParameters),
    overhead_bytes=16 << 20,
    licence="Apache-2.0",
    images=IMAGES,
    for_tests=True,
)
_ERROR_LINE = re.compile(r"fake: error ([A-Z_]+): ")
_FLAGS = {
    "first_token_delay_s": "--first-token-delay-s",
    "tokens_per_s": "--tokens-per-s",
    "stall_after_tokens": "--stall-after-tokens",
    "crash_after_tokens": "--crash-after-tokens",
    "startup_delay_s": "--startup-delay-s",
    "fail_start": "--fail-start",
    "memory_mb": "--memory-mb",
    "seed": "--seed",
}


class FakeEngine:
    """See `workers/engines/base.py` for the contract."""

    @property
    def manifest(self) -> EngineManifest:
        """Return what the engine is."""
        return MANIFEST

    def check(self, request: ServeRequest, host: HostFacts) -> list[Problem]:
        """Return why this cannot run there."""
        found = problems(FakeParameters, request.parameters)
        if host.runtime not in MANIFEST.runtimes:
            params = {"engine": MANIFEST.key, "runtime": host.runtime}
            found.append(Problem(FailureCode.RUNTIME_UNSUPPORTED, params))
        if request.artifact.format not in MANIFEST.formats:
            params = {"engine": MANIFEST.key, "format": request.artifact.format}
            found.append(Problem(FailureCode.UNSUPPORTED_FORMAT, params))
        return found

    def plan(self, request: ServeRequest, host: HostFacts) -> WorkloadSpec:
        """Return what to run."""
        wanted = parse(FakeParameters, request.parameters)
        in_container = host.runtime == "docker"
        everywhere = ["--host", "0.0.0.0"]  # noqa: S104 - inside the container
        program = ["{python}", "-S", "-m", "workers.engines.fake.serve"]
        argv = [*(everywhere if in_container else program)]
        argv += ["--alias", request.alias, "--port", "{port}", "--address-file", "{address_file}"]
        argv += ["--context-length", str(wanted.context_length)]
        argv += ["--parallel-sequences", str(wanted.parallel_sequences)]
        for name, flag in _FLAGS.items():
            value = getattr(wanted, name)
            if value != FakeParameters.model_fields[name].default:
                argv += [flag, str(value)]
        if wanted.startup_silent:
            argv.append("--startup-silent")
        limit = wanted.memory_limit_mb
        return WorkloadSpec(
            name=request.workload,
            engine=MANIFEST.key,
            argv=tuple(argv),
            artifact=request.artifact,
            slots=wanted.parallel_sequences,
            image=IMAGES["cpu"] if in_container else None,
            memory_bytes=request.memory_bytes,
            memory_limit_bytes=None if limit is None else limit << 20,
            labels=tuple(sorted(request.owner.items())),
        )

    def probe(self, spec: WorkloadSpec) -> ProbeSpec:
        """Return how to know that it serves."""
        del spec
        return ProbeSpec(
            health_path="/health",
            completion_path="/v1/completions",
            completion_body={"prompt": "ready?", "max_tokens": 1, "temperature": 0, "seed": 0},
            metrics_path="/metrics",
        )

    def metrics(self, text: str) -> EngineSamples:
        """Parse the metrics page."""
        return read_samples(text, NAMES)

    def explain(self, log_tail: tuple[str, ...], exit_code: int | None) -> Problem | None:
        """Return the failure that its last error line names."""
        for line in reversed(log_tail):
            match = _ERROR_LINE.search(line)
            if match and match.group(1) in FailureCode.__members__:
                params = {"exit_code": exit_code} if match.group(1) == "ENGINE_EXITED" else {}
                return Problem(FailureCode(match.group(1)), params)
        return None
