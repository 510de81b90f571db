"""Ollama's planner: a server of its own in a container, or a model on a shared server.

In a container the model is made inside, after the start: the file is linked to where the server
keeps its blobs, and the probe's steps make a model of it and load it. On a shared server the
runtime makes the model and the probe loads it.
"""

from collections.abc import Mapping
from typing import Any

from models_app.domain.failures import FailureCode
from models_app.domain.sizing import DEFAULT_CONTEXT
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
from workers.engines.common_parameters import FlashAttention
from workers.engines.ollama.explain import explain
from workers.engines.ollama.model_settings import SAMPLING, request_defaults
from workers.engines.ollama.params import CONTAINER_ONLY, OllamaParameters
from workers.engines.parameters import parse, problems, schema

VERSION = "0.17.4"
IMAGE = f"ollama/ollama:{VERSION}"
HOME = "/tmp/ollama"  # noqa: S108 - in the container, whose /tmp is its own
# The file is not copied: the server's blob is a link to it. No word of a user's is in here.
START = (
    f'mkdir -p {HOME}/models/blobs && ln -sf "$0" "{HOME}/models/blobs/sha256-$1" '
    "&& exec ollama serve"
)
EMBEDDING_ARCHITECTURES = frozenset({"bert", "nomic-bert", "nomic-bert-moe", "gemma-embedding"})
STALL_S = 900.0  # the server itself gives up a load that stalls for five minutes, and says so

MANIFEST = EngineManifest(
    key="ollama",
    label="Ollama",
    description="Runs GGUF models, in a container of its own or on an Ollama server that others "
    "use too.",
    version=VERSION,
    formats=("gguf", "ollama"),
    runtimes=("docker", "ollama"),
    accelerators=("cpu", "nvidia"),
    parameters_schema=schema(OllamaParameters),
    overhead_bytes=96 << 20,  # the server and its runner beyond the weights, measured 70 MiB
    licence="MIT",
)


class OllamaEngine:
    """See `workers/engines/base.py` for the contract."""

    @property
    def manifest(self) -> EngineManifest:
        """Return what the engine is."""
        return MANIFEST

    def check(self, request: ServeRequest, host: HostFacts) -> list[Problem]:
        """Return why this cannot run there."""
        found = problems(OllamaParameters, request.parameters)
        formats = MANIFEST.formats if host.runtime == "ollama" else ("gguf",)
        if request.artifact.format not in formats:
            params = {"engine": MANIFEST.label, "format": request.artifact.format}
            found.append(Problem(FailureCode.UNSUPPORTED_FORMAT, params))
        if host.runtime not in MANIFEST.runtimes:
            params = {"engine": MANIFEST.label, "runtime": host.runtime}
            found.append(Problem(FailureCode.RUNTIME_UNSUPPORTED, params))
        return found or _check_together(request, host)

    def plan(self, request: ServeRequest, host: HostFacts) -> WorkloadSpec:
        """Return what to run, or which model to make on a server that runs already."""
        wanted = parse(OllamaParameters, request.parameters)
        shared = host.runtime == "ollama"
        on_gpu = bool(host.gpus) and wanted.gpu_layers != 0
        return WorkloadSpec(
            name=request.workload,
            engine=MANIFEST.key,
            argv=() if shared else ("{model}", request.artifact.sha256),
            artifact=request.artifact,
            # A shared server answers as many at a time as its owner wants: it does not tell.
            slots=1 if shared else wanted.parallel_sequences,
            env=() if shared else _environment(wanted),
            image=None if shared else IMAGE,
            memory_bytes=request.memory_bytes,
            labels=tuple(sorted(request.owner.items())),
            alias=request.alias,
            entrypoint=None if shared else ("/bin/sh", "-c", START),
            settings=_settings(request, wanted),
            embeds_only=request.facts.architecture in EMBEDDING_ARCHITECTURES,
            keep_alive_s=wanted.keep_alive_s,
            gpus=on_gpu and not shared,
            cpus=float(wanted.threads) if wanted.threads and not shared else None,
        )

    def probe(self, spec: WorkloadSpec) -> ProbeSpec:
        """Return how to make it ready, and how to know that it is."""
        steps = [_load(spec)] if spec.image is None else [_make(spec), _load(spec)]
        return ProbeSpec(
            health_path="/api/version",
            completion_path="/v1/embeddings" if spec.embeds_only else "/v1/completions",
            completion_body={"model": "{served_as}", "input": "1 2 3"}
            if spec.embeds_only
            else {"model": "{served_as}", "prompt": "1 2 3", "max_tokens": 1, "temperature": 0},
            metrics_path=None,
            prepare=tuple(steps),
            stays_loaded=spec.keep_alive_s == -1,
            startup_stall_s=STALL_S,
        )

    @property
    def defaults_step(self) -> PrepareStep:
        """Return the question for what is set on the model."""
        return PrepareStep("/api/show", {"model": "{served_as}"})

    def request_defaults(self, text: str) -> Mapping[str, float]:
        """Return the model's temperature and top_p: the OpenAI routes take 1.0 for both."""
        return request_defaults(text)

    def metrics(self, text: str) -> EngineSamples:
        """Return nothing known: Ollama has no metrics page; the gateway counts its tokens."""
        del text
        return EngineSamples()

    def explain(self, log_tail: tuple[str, ...], exit_code: int | None) -> Problem | None:
        """Return what the last lines say went wrong."""
        return explain(log_tail, exit_code)


def _check_together(request: ServeRequest, host: HostFacts) -> list[Problem]:
    wanted, limit = parse(OllamaParameters, request.parameters), request.facts.context_length
    found = []
    if limit is not None and wanted.context_length > limit:
        figures = {"asked": wanted.context_length, "limit": limit}
        found.append(Problem(FailureCode.CONTEXT_TOO_LARGE, figures))
    if wanted.kv_type != "f16" and wanted.flash_attention == FlashAttention.OFF:
        rule = {"parameter": "flash_attention", "rule": "needed_by_kv_type"}
        found.append(Problem(FailureCode.PARAMETERS_INVALID, rule))
    if host.runtime == "ollama":
        for name in CONTAINER_ONLY:
            if getattr(wanted, name) != OllamaParameters.model_fields[name].default:
                rule = {"parameter": name, "rule": "container_only"}
                found.append(Problem(FailureCode.PARAMETERS_INVALID, rule))
    return found


def _settings(request: ServeRequest, wanted: OllamaParameters) -> tuple[tuple[str, Any], ...]:
    """Return what is set on the model itself."""
    limit = request.facts.context_length or DEFAULT_CONTEXT
    found: dict[str, Any] = {"num_ctx": wanted.context_length or min(DEFAULT_CONTEXT, limit)}
    for name in SAMPLING:
        value = getattr(wanted, name)
        # A model that was made on that server has its own, which stay unless a person chose others.
        is_own = request.artifact.format == "ollama"
        if not is_own or value != OllamaParameters.model_fields[name].default:
            found[name] = value
    if wanted.gpu_layers >= 0:
        found["num_gpu"] = wanted.gpu_layers
    if wanted.main_gpu:
        found["main_gpu"] = wanted.main_gpu
    if wanted.threads:
        found["num_thread"] = wanted.threads
    if wanted.seed is not None:
        found["seed"] = wanted.seed
    return tuple(sorted(found.items()))


def _environment(wanted: OllamaParameters) -> tuple[tuple[str, str], ...]:
    """Return the settings of the whole server."""
    found = {
        "HOME": HOME,
        "OLLAMA_HOST": "0.0.0.0:{port}",
        "OLLAMA_MODELS": f"{HOME}/models",
        "OLLAMA_NOPRUNE": "1",  # the link to the file is not the server's to remove
        "OLLAMA_NO_CLOUD": "1",
        "OLLAMA_KEEP_ALIVE": str(wanted.keep_alive_s),
        "OLLAMA_NUM_PARALLEL": str(wanted.parallel_sequences),
        "OLLAMA_MAX_LOADED_MODELS": str(wanted.max_loaded),
        "OLLAMA_KV_CACHE_TYPE": str(wanted.kv_type),
    }
    if wanted.flash_attention != FlashAttention.AUTO:
        found["OLLAMA_FLASH_ATTENTION"] = str(int(wanted.flash_attention == FlashAttention.ON))
    if wanted.gpus:
        found["CUDA_VISIBLE_DEVICES"] = wanted.gpus
    return tuple(sorted(found.items()))


def _make(spec: WorkloadSpec) -> PrepareStep:
    body = {
        "model": "{served_as}",
        "files": {spec.artifact.file_name: f"sha256:{spec.artifact.sha256}"},
        "parameters": dict(spec.settings),
        "stream": False,
    }
    return PrepareStep("/api/create", body)


def _load(spec: WorkloadSpec) -> PrepareStep:
    body: dict[str, Any] = {"model": "{served_as}", "keep_alive": spec.keep_alive_s}
    if spec.embeds_only:
        return PrepareStep("/api/embed", body | {"input": ""})
    return PrepareStep("/api/generate", body | {"stream": False})
