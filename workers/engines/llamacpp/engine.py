"""llama.cpp's planner: from a wish to the server that fulfils it."""

from models_app.domain.failures import FailureCode
from models_app.domain.sizing import DEFAULT_CONTEXT
from models_app.domain.specs import (
    EngineManifest,
    EngineSamples,
    HostFacts,
    ProbeSpec,
    Problem,
    ServeRequest,
    WorkloadSpec,
)
from workers.engines.common_parameters import FlashAttention
from workers.engines.llamacpp.explain import explain
from workers.engines.llamacpp.metrics import parse_metrics
from workers.engines.llamacpp.params import LlamaCppParameters
from workers.engines.parameters import parse, problems, schema

IMAGES = {
    "cpu": "ghcr.io/ggml-org/llama.cpp:server",
    "nvidia": "ghcr.io/ggml-org/llama.cpp:server-cuda",
}

MANIFEST = EngineManifest(
    key="llamacpp",
    label="llama.cpp",
    description="Runs GGUF models on CPUs and GPUs, on anything from a laptop up.",
    version="2026.10",
    formats=("gguf",),
    runtimes=("process", "docker"),
    accelerators=("cpu", "nvidia"),
    parameters_schema=schema(LlamaCppParameters),
    overhead_bytes=58 << 20,  # the interpreter, the library and threads: benchmarks/sizing.py
    licence="MIT",
    images=IMAGES,
)


class LlamaCppEngine:
    """See `workers/engines/base.py` for the contract."""

    @property
    def manifest(self) -> EngineManifest:
        """Return what the engine is."""
        return MANIFEST

    def check(self, request: ServeRequest, host: HostFacts) -> list[Problem]:
        """Return why this cannot run there."""
        found = problems(LlamaCppParameters, request.parameters)
        if request.artifact.format not in MANIFEST.formats:
            params = {"engine": MANIFEST.label, "format": request.artifact.format}
            found.append(Problem(FailureCode.UNSUPPORTED_FORMAT, params))
        if host.runtime not in MANIFEST.runtimes:
            params = {"engine": MANIFEST.label, "runtime": host.runtime}
            found.append(Problem(FailureCode.RUNTIME_UNSUPPORTED, params))
        return found or _check_together(request)

    def plan(self, request: ServeRequest, host: HostFacts) -> WorkloadSpec:
        """Return what to run: our launcher as a process, the public image in a container."""
        wanted = parse(LlamaCppParameters, request.parameters)
        on_gpu = bool(host.gpus) and wanted.gpu_layers != 0
        if host.runtime == "docker":
            argv = _container_argv(request, wanted, on_gpu=on_gpu)
            image = IMAGES["nvidia" if on_gpu else "cpu"]
        else:
            argv, image = _process_argv(request, wanted, on_gpu=on_gpu), None
        return WorkloadSpec(
            name=request.workload,
            engine=MANIFEST.key,
            argv=argv,
            artifact=request.artifact,
            slots=wanted.parallel_sequences,
            image=image,
            memory_bytes=request.memory_bytes,
            labels=tuple(sorted(request.owner.items())),
            gpus=on_gpu and image is not None,
            cpus=float(wanted.threads) if image and wanted.threads else None,
        )

    def probe(self, spec: WorkloadSpec) -> ProbeSpec:
        """Return how to know that it serves."""
        del spec
        return ProbeSpec(
            health_path="/health",
            completion_path="/v1/completions",
            completion_body={
                "prompt": "1 2 3",
                "max_tokens": 1,
                "temperature": 0,
                "cache_prompt": False,
            },
            metrics_path="/metrics",
        )

    def metrics(self, text: str) -> EngineSamples:
        """Parse the metrics page."""
        return parse_metrics(text)

    def explain(self, log_tail: tuple[str, ...], exit_code: int | None) -> Problem | None:
        """Return what the last lines say went wrong."""
        return explain(log_tail, exit_code)


def _check_together(request: ServeRequest) -> list[Problem]:
    """Return what is wrong with parameters that are each fine by themselves."""
    wanted, limit = parse(LlamaCppParameters, request.parameters), request.facts.context_length
    found = []
    if limit is not None and wanted.context_length > limit:
        figures = {"asked": wanted.context_length, "limit": limit}
        found.append(Problem(FailureCode.CONTEXT_TOO_LARGE, figures))
    if wanted.kv_type.is_quantised and wanted.flash_attention == FlashAttention.OFF:
        rule = {"parameter": "flash_attention", "rule": "needed_by_kv_type"}
        found.append(Problem(FailureCode.PARAMETERS_INVALID, rule))
    return found


def _context(request: ServeRequest, wanted: LlamaCppParameters) -> int:
    """Return the context of one request."""
    if wanted.context_length:
        return wanted.context_length
    return min(DEFAULT_CONTEXT, request.facts.context_length or DEFAULT_CONTEXT)


def _process_argv(
    request: ServeRequest, wanted: LlamaCppParameters, *, on_gpu: bool
) -> tuple[str, ...]:
    argv = ["{python}", "-m", "workers.engines.llamacpp.serve"]
    argv += ["--model", "{model}", "--alias", request.alias]
    argv += ["--port", "{port}", "--address-file", "{address_file}"]
    argv += ["--context", str(_context(request, wanted) * wanted.parallel_sequences)]
    argv += ["--parallel", str(wanted.parallel_sequences), "--threads", str(wanted.threads)]
    argv += ["--gpu-layers", str(wanted.gpu_layers if on_gpu else 0)]
    argv += ["--kv-type", wanted.kv_type, "--flash-attention", wanted.flash_attention]
    argv += ["--temperature", str(wanted.temperature), "--top-p", str(wanted.top_p)]
    argv += ["--embeddings"] if wanted.embeddings else []
    argv += ["--seed", str(wanted.seed)] if wanted.seed is not None else []
    return tuple(map(str, argv))


def _container_argv(
    request: ServeRequest, wanted: LlamaCppParameters, *, on_gpu: bool
) -> tuple[str, ...]:
    """Return llama-server's own flags, for the image's entry point."""
    argv = ["--model", "{model}", "--alias", request.alias]
    argv += ["--host", "0.0.0.0", "--port", "{port}", "--metrics", "--slots", "--no-webui"]  # noqa: S104 - inside the container
    argv += ["--ctx-size", str(_context(request, wanted) * wanted.parallel_sequences)]
    argv += ["--parallel", str(wanted.parallel_sequences), "--cache-ram", "0"]
    argv += ["--threads", str(wanted.threads or -1), "--flash-attn", wanted.flash_attention]
    argv += ["--n-gpu-layers", str(wanted.gpu_layers)] if on_gpu and wanted.gpu_layers >= 0 else []
    argv += ["--cache-type-k", wanted.kv_type, "--cache-type-v", wanted.kv_type]
    argv += ["--temp", str(wanted.temperature), "--top-p", str(wanted.top_p)]
    argv += ["--embeddings", "--pooling", "mean"] if wanted.embeddings else []
    argv += ["--seed", str(wanted.seed)] if wanted.seed is not None else []
    return tuple(map(str, argv))
