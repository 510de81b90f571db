"""The plain values that rooms hand to each other: facts, requests, workloads, observations.

Everything here is frozen, comparable and free of Django, SDKs, clocks and the environment, so that
plans can be tested as tables. Sizes are bytes, durations seconds, unless a name says otherwise.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

TEXT_KEPT = 64 << 10  # characters of a text that is only shown

# --- hosts -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """One accelerator of a host."""

    index: int
    name: str
    vendor: str
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What a host is. Changes rarely; read by `Runtime.facts`. None means unknown, never zero."""

    hostname: str
    operating_system: str
    architecture: str
    cpu_model: str
    cpu_cores: int | None
    cpu_flags: tuple[str, ...]
    memory_total_bytes: int | None
    disk_total_bytes: int | None
    runtime: str
    runtime_version: str
    gpus: tuple[GpuFacts, ...] | None = ()
    warnings: tuple[str, ...] = ()
    identity: Mapping[str, str] = field(default_factory=dict)  # what the host showed; public
    engine_id: str = ""  # the same by whichever door it is reached; empty where nothing tells


# Warnings of a Docker host on which the helper does not work: disk and processor are unknown.
HELPER_MISSING, HELPER_PULLING, HELPER_FAILED = "HELPER_MISSING", "HELPER_PULLING", "HELPER_FAILED"
HELPER_WARNINGS = frozenset({HELPER_MISSING, HELPER_PULLING, HELPER_FAILED})


@dataclass(frozen=True, slots=True)
class HostUsage:
    """How full a host is at this moment; read by `Runtime.usage`. None means unknown."""

    cpu_percent: float | None
    memory_used_bytes: int | None
    memory_available_bytes: int | None
    disk_used_bytes: int | None
    disk_free_bytes: int | None


@dataclass(frozen=True, slots=True)
class HostedModel:
    """One model that a host keeps by itself, and what of it is in memory (None: it is not)."""

    name: str
    digest: str  # sha256 of its manifest: the same content has the same
    size_bytes: int
    modified_at: float | None  # seconds since the epoch
    details: Mapping[str, str] = field(default_factory=dict)
    loaded_bytes: int | None = None
    vram_bytes: int | None = None
    loaded_context: int | None = None
    loaded_until: float | None = None


@dataclass(frozen=True, slots=True)
class HostedDetails:
    """What a host tells of one of its models: facts as a GGUF's header has them, and its texts."""

    facts: "ArtifactFacts"
    modelfile: str = ""
    license: str = ""
    capabilities: tuple[str, ...] = ()

    def stored(self) -> dict[str, Any]:
        """Return the texts for the ledger."""
        return {
            "modelfile": self.modelfile[:TEXT_KEPT],
            "license": self.license[:TEXT_KEPT],
            "capabilities": list(self.capabilities),
        }


# --- models ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ArtifactFacts:
    """What an artifact says of itself (GGUF header). None means unknown, never zero."""

    architecture: str | None = None
    name: str | None = None
    quantization: str | None = None
    parameters: int | None = None
    tensor_bytes: int | None = None
    layers: int | None = None
    embedding_length: int | None = None
    heads: int | None = None
    kv_heads: int | None = None
    key_length: int | None = None
    value_length: int | None = None
    context_length: int | None = None
    vocabulary: int | None = None
    licence: str | None = None
    chat_template_sha256: str | None = None
    repacked_bytes: int | None = None  # of the tensors, those that an engine lays out anew
    sliding_window: int | None = None  # tokens a windowed layer looks back; None: it has none
    window_pattern: int | None = None  # every so many layers one sees the whole context


@dataclass(frozen=True, slots=True)
class ArtifactRef:
    """One file of a model, named by its content."""

    public_id: str
    sha256: str
    size_bytes: int
    format: str
    file_name: str


# --- engines ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EngineManifest:
    """What an engine is and takes. The front door reads it as a row of the engine catalogue."""

    key: str
    label: str
    description: str
    version: str
    formats: tuple[str, ...]
    runtimes: tuple[str, ...]
    accelerators: tuple[str, ...]
    parameters_schema: Mapping[str, Any]  # JSON Schema, with title, description, default, limits
    overhead_bytes: int  # resident memory beyond weights and KV cache; the sizing's constant
    licence: str
    images: Mapping[str, str] = field(default_factory=dict)  # accelerator -> image, for containers
    for_tests: bool = False  # hidden from the forms unless the demo is on


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an engine cannot serve a request on a host; `code` is a FailureCode value."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServeRequest:
    """What one replica should serve."""

    workload: str  # deterministic name: slipway-<deployment>-<index>-r<revision>
    alias: str  # the name clients use for the model: the deployment's
    artifact: ArtifactRef
    facts: ArtifactFacts
    parameters: Mapping[str, Any]
    memory_bytes: int | None  # predicted; None when unknown
    owner: Mapping[str, str] = field(default_factory=dict)  # labels: instance, deployment, replica


@dataclass(frozen=True, slots=True)
class WorkloadSpec:
    """What a runtime should run. Built by an engine from typed fields, never from a user's JSON.

    `argv` and `env` values may hold the placeholders `{model}` (path of the artifact where the
    workload sees it), `{port}` (0 where the runtime lets the kernel choose; in a container the port
    that is published) and `{address_file}` (where the workload SHALL write `host:port` once it
    listens, when it was given port 0; in a container nobody reads it).

    A runtime that starts nothing itself (a shared Ollama server) has no use for `argv`; it sets
    `settings` on the model instead.
    """

    name: str
    engine: str
    argv: tuple[str, ...]
    artifact: ArtifactRef
    slots: int  # requests served at the same time
    env: tuple[tuple[str, str], ...] = ()
    image: str | None = None  # container runtimes only
    memory_bytes: int | None = None  # predicted
    memory_limit_bytes: int | None = None
    labels: tuple[tuple[str, str], ...] = ()
    alias: str = ""  # the name clients use for the model
    entrypoint: tuple[str, ...] | None = None  # containers: instead of the image's own
    settings: tuple[tuple[str, Any], ...] = ()
    embeds_only: bool = False  # the model makes embeddings and cannot complete text
    keep_alive_s: int | None = None  # stays loaded so long after a request; -1: always
    gpus: bool = False  # containers: all of the host's
    cpus: float | None = None  # containers: as many at most
    shm_bytes: int | None = None  # containers

    def fingerprint(self) -> str:
        """Return the sha256 of everything that, when changed, needs a new workload."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PrepareStep:
    """A request that a running workload needs before it can serve, such as loading its model.

    It SHALL be safe to repeat, and cheap once it is done: whoever watches next repeats it.
    """

    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """How to know that a workload serves. Paths are relative to its address.

    Texts in bodies may hold `{served_as}`: the model's name on that server (`Observed.served_as`,
    else the alias).
    """

    health_path: str
    completion_path: str
    completion_body: Mapping[str, Any]  # asks for one token
    metrics_path: str | None
    prepare: tuple[PrepareStep, ...] = ()  # in this order, between healthy and ready
    stays_loaded: bool = False  # prepared again when `Runtime.stats` says that it is not loaded
    startup_stall_s: float = 120.0  # no sign of progress for this long: STARTUP_STALLED
    probe_timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class EngineSamples:
    """Counters read from an engine's metrics page; None where it has none. Totals only grow."""

    prompt_tokens_total: float | None = None
    prompt_seconds_total: float | None = None
    completion_tokens_total: float | None = None
    completion_seconds_total: float | None = None
    requests_processing: float | None = None
    requests_deferred: float | None = None


# --- runtimes --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Observed:
    """One workload as a runtime sees it now. `running` False means it has exited and is kept."""

    name: str
    external_id: str  # pid:start-time for processes, id for containers
    spec_hash: str
    running: bool
    address: str | None  # host:port once it listens
    started_at: float | None  # seconds since the epoch
    exit_code: int | None = None
    out_of_memory: bool = False
    labels: tuple[tuple[str, str], ...] = ()  # as far as the host can keep them
    served_as: str = ""  # the model's name on that server, where it is not the alias
    drift: tuple[str, ...] = ()  # what somebody changed by hand: renamed, edited, paused


@dataclass(frozen=True, slots=True)
class WorkloadStats:
    """What a running workload uses. `activity` grows while it works (CPU seconds + log bytes)."""

    cpu_percent: float | None
    memory_bytes: int
    activity: float
    network_received_bytes: int | None = None  # None where the runtime cannot tell
    network_sent_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a workload's output. `offset` orders lines and resumes reading."""

    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """How far a download, copy or verification has come."""

    done_bytes: int
    total_bytes: int | None
    finished: bool
    phase: str = "copying"
    path: str | None = None  # where the result lies, once finished
    sha256: str | None = None  # of the result, once finished


def owner_labels(*, instance: str, deployment: str, replica: str) -> dict[str, str]:
    """Return the labels that mark a workload as ours; orphans and foreigners are told by them."""
    return {
        "dev.slipway.instance": instance,
        "dev.slipway.deployment": deployment,
        "dev.slipway.replica": replica,
    }
