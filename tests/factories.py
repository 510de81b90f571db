"""Rows for tests, made directly: each function gives a believable default for every column.

They bypass the services on purpose: a test of the services must not be set up by what it tests.
"""

import hashlib
import io
import itertools
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from models_app.domain.actors import Actor
from models_app.domain.states import (
    ArtifactState,
    DeploymentState,
    HostState,
    OperationState,
    PlacementState,
    ReplicaState,
    Role,
)
from models_app.domain.uploads import UploadFolder
from models_app.models import (
    Alias,
    AliasVersion,
    Artifact,
    Deployment,
    EngineEntry,
    Event,
    GatewayKey,
    Host,
    HostModel,
    LanguageModel,
    Operation,
    Placement,
    Replica,
    Revision,
    User,
)
from models_app.services.usage import UsageRecord

PASSWORD = "correct horse battery"
GIB = 1 << 30
MIB = 1 << 20
_numbers = itertools.count(1)


def make_user(name: str = "", role: Role = Role.VIEWER, **fields: Any) -> User:
    """A user who can sign in with PASSWORD."""
    name = name or f"user-{next(_numbers)}"
    return User.objects.create(
        name=name, role=role, **{"password": make_password(PASSWORD), **fields}
    )


def actor_of(user: User, via: str = "page") -> Actor:
    """The actor that this user's requests would have."""
    return Actor(user_id=user.pk, name=user.name, role=Role(user.role), via=via)


def host_facts(**fields: Any) -> dict[str, Any]:
    """Facts as the process runtime stores them: 4 cores, 16 GiB, no GPU."""
    return {
        "hostname": "shop",
        "operating_system": "Linux 6.1",
        "architecture": "x86_64",
        "cpu_model": "Intel N100",
        "cpu_cores": 4,
        "cpu_flags": ["avx", "avx2", "fma"],
        "memory_total_bytes": 16 * GIB,
        "disk_total_bytes": 500 * GIB,
        "runtime": "process",
        "runtime_version": "1",
        "gpus": [],
        "warnings": [],
        **fields,
    }


def host_usage(**fields: Any) -> dict[str, Any]:
    """A host that is a quarter full."""
    return {
        "cpu_percent": 12.5,
        "memory_used_bytes": 4 * GIB,
        "memory_available_bytes": 12 * GIB,
        "disk_used_bytes": 100 * GIB,
        "disk_free_bytes": 400 * GIB,
        **fields,
    }


def make_host(name: str = "", **fields: Any) -> Host:
    """A host that is ready and open."""
    values = {
        "runtime": "process",
        "state": HostState.READY,
        "facts": host_facts(),
        "usage": host_usage(),
        "last_seen_at": timezone.now(),
        **fields,
    }
    return Host.objects.create(name=name or f"host-{next(_numbers)}", **values)


def make_host_model(host: Host, name: str = "tiny:1", **fields: Any) -> HostModel:
    """A model that lies on an Ollama host."""
    number = next(_numbers)
    values = {
        "digest": f"{number:064x}",
        "size_bytes": 98_363_036,
        "modified_at": timezone.now(),
        "details": {
            "format": "gguf",
            "family": "llama",
            "parameter_size": "134.52M",
            "quantization": "Q4_1",
        },
        "shown": {"modelfile": "FROM sha256:ab", "license": "MIT", "capabilities": ["completion"]},
        **fields,
    }
    return HostModel.objects.create(host=host, name=name, **values)


def make_model(name: str = "", **fields: Any) -> LanguageModel:
    """A small language model."""
    name = name or f"model-{next(_numbers)}"
    values = {
        "title": name.title(),
        "family": "llama",
        "parameters": 134_515_008,
        "tier": "micro",
        "context_length": 2048,
        "licence": "apache-2.0",
        "source_kind": "file",
        **fields,
    }
    return LanguageModel.objects.create(name=name, **values)


def artifact_facts(**fields: Any) -> dict[str, Any]:
    """Facts of SmolLM2-135M-Instruct in Q4_1."""
    return {
        "architecture": "llama",
        "name": "SmolLM2 135M Instruct",
        "quantization": "Q4_1",
        "parameters": 134_515_008,
        "tensor_bytes": 96 * MIB,
        "layers": 30,
        "embedding_length": 576,
        "heads": 9,
        "kv_heads": 3,
        "key_length": 64,
        "value_length": 64,
        "context_length": 8192,
        "vocabulary": 49152,
        "licence": "apache-2.0",
        "chat_template_sha256": None,
        **fields,
    }


def make_artifact(model: LanguageModel | None = None, **fields: Any) -> Artifact:
    """A GGUF file that the model store holds (as far as the ledger knows)."""
    number = next(_numbers)
    values = {
        "state": ArtifactState.READY,
        "format": "gguf",
        "quantization": "Q4_1",
        "file_name": f"weights-{number}.gguf",
        "size_bytes": 98 * MIB,
        "sha256": hashlib.sha256(f"artifact {number}".encode()).hexdigest(),
        "facts": artifact_facts(),
        **fields,
    }
    return Artifact.objects.create(model=model or make_model(), **values)


def make_engine(key: str = "llamacpp", **manifest: Any) -> EngineEntry:
    """An engine of the catalogue, with two parameters."""
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "context_length": {
                "type": "integer",
                "title": "Context",
                "description": "Tokens per sequence",
                "minimum": 256,
                "maximum": 1_048_576,
                "default": 4096,
            },
            "parallel_sequences": {
                "type": "integer",
                "title": "Parallel sequences",
                "minimum": 1,
                "maximum": 64,
                "default": 1,
            },
        },
    }
    values = {
        "key": key,
        "label": "llama.cpp",
        "description": "Serves GGUF files on CPUs and GPUs.",
        "version": "1",
        "formats": ["gguf"],
        "runtimes": ["process"],
        "accelerators": ["cpu"],
        "parameters_schema": schema,
        "overhead_bytes": 64 * MIB,
        "licence": "MIT",
        "for_tests": False,
        **manifest,
    }
    entry, _ = EngineEntry.objects.update_or_create(key=key, defaults={"manifest": values})
    return entry


def make_revision(deployment: Deployment, number: int = 0, **fields: Any) -> Revision:
    """One more revision; it is not made the wished one."""
    values = {"engine": "llamacpp", "parameters": {"context_length": 4096}, **fields}
    values.setdefault("artifact", None)
    values["artifact"] = values["artifact"] or make_artifact()
    number = number or deployment.revisions.count() + 1
    return Revision.objects.create(deployment=deployment, number=number, **values)


def make_deployment(
    name: str = "",
    *,
    artifact: Artifact | None = None,
    engine: str = "llamacpp",
    parameters: dict[str, Any] | None = None,
    placement: dict[str, Any] | None = None,
    **fields: Any,
) -> Deployment:
    """A deployment with its first revision wished for; no replicas (see make_replica)."""
    values = {"state": DeploymentState.READY, **fields}
    row = Deployment.objects.create(name=name or f"deployment-{next(_numbers)}", **values)
    row.revision = make_revision(
        row,
        1,
        artifact=artifact,
        engine=engine,
        parameters={"context_length": 4096} if parameters is None else parameters,
        placement=placement or {},
    )
    row.save(update_fields=["revision"])
    return row


def drop_deployment(deployment: Deployment) -> None:
    """Let a deployment and its replicas be gone, as when its deletion has come true."""
    Deployment.objects.filter(pk=deployment.pk).update(revision=None)
    Replica.objects.filter(deployment=deployment).delete()
    Deployment.objects.get(pk=deployment.pk).delete()


def make_replica(
    deployment: Deployment | None = None, host: Host | None = None, **fields: Any
) -> Replica:
    """A ready replica of the deployment's wished revision."""
    deployment = deployment or make_deployment()
    index = fields.pop("index", deployment.replicas.count())
    revision = fields.pop("revision", deployment.revision)
    values = {
        "workload": f"slipway-{deployment.name}-{index}-r{revision.number}",
        "state": ReplicaState.READY,
        "spec_hash": "0" * 64,
        "external_id": "1234:5678",
        "address": "127.0.0.1:9",  # the discard port: nothing answers there
        "predicted_bytes": 300 * MIB,
        "memory_bytes": 280 * MIB,
        "peak_bytes": 290 * MIB,
        "started_at": timezone.now(),
        "ready_at": timezone.now(),
        **fields,
    }
    return Replica.objects.create(
        deployment=deployment, revision=revision, index=index, host=host or make_host(), **values
    )


def make_gateway_key(owner: User, deployments: list[Deployment], **fields: Any) -> GatewayKey:
    """A key of ninety days for these deployments; its secret is not known to anybody."""
    values = {
        "name": "till",
        "key_id": f"k{next(_numbers)}",
        "secret_hmac": "0" * 64,
        "deployments": [str(deployment.public_id) for deployment in deployments],
        "routes": ["chat", "completions", "embeddings"],
        "expires_at": timezone.now() + timedelta(days=90),
        **fields,
    }
    return GatewayKey.objects.create(owner=owner, **values)


def make_alias(name: str, *deployments: Deployment) -> Alias:
    """An alias that shares evenly among these deployments."""
    alias = Alias.objects.create(name=name)
    targets = [{"deployment": str(d.public_id), "weight": 1} for d in deployments]
    alias.current = AliasVersion.objects.create(alias=alias, number=1, targets=targets)
    alias.save()
    return alias


def usage_record(deployment: Deployment, **fields: Any) -> UsageRecord:
    """A request that went well just now."""
    values = {
        "at": timezone.now(),
        "deployment_id": deployment.pk,
        "replica_id": None,
        "user_id": None,
        "route": "chat",
        "status": "ok",
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "first_token_ms": 100.0,
        "duration_ms": 500.0,
        **fields,
    }
    return UsageRecord(**values)


def make_placement(
    artifact: Artifact | None = None, host: Host | None = None, **fields: Any
) -> Placement:
    """An artifact that lies whole on a host."""
    artifact = artifact or make_artifact()
    values = {
        "state": PlacementState.READY,
        "done_bytes": artifact.size_bytes or 0,
        "total_bytes": artifact.size_bytes,
        **fields,
    }
    return Placement.objects.create(artifact=artifact, host=host or make_host(), **values)


def make_operation(kind: str = "import", **fields: Any) -> Operation:
    """An import that is half done."""
    values = {
        "state": OperationState.RUNNING,
        "title": f"operation-{next(_numbers)}",
        "phase": "copying",
        "done_bytes": 49 * MIB,
        "total_bytes": 98 * MIB,
        "bytes_per_s": 10.0 * MIB,
        "started_at": timezone.now(),
        **fields,
    }
    return Operation.objects.create(kind=kind, **values)


def uploaded(user: User, content: bytes, size: int | None = None) -> str:
    """The id of an upload of this user; `size` announces more than has come."""
    folder = UploadFolder(settings.PATHS.uploads)
    size = len(content) if size is None else size
    upload = folder.begin(user.pk, size, limit_bytes=size)
    folder.append(user.pk, upload.id, 0, io.BytesIO(content))
    return upload.id


def make_event(subject: Any, code: str = "deployment.created", **fields: Any) -> Event:
    """One line in the history of a row."""
    from models_app.services.records import event

    return event(subject, code, **fields)
