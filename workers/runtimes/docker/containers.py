"""From a `WorkloadSpec` to the one shape of container that we ever create. Pure.

Nothing here comes from a user's JSON: every right that is not named is absent. The test that
compares `docker inspect` with this shape, field by field, is `test_hardening.py`.
"""

from collections.abc import Mapping
from typing import Any

from models_app.domain.specs import WorkloadSpec
from workers.runtimes.docker.naming import (
    INSTANCE,
    LIMITS,
    MODELS,
    SPEC_HASH,
    WORKLOAD,
    artifact_path,
    network_name,
    volume_name,
)

PORT = 8080  # inside a container; the health check of llama.cpp's image looks there
USER = "65534:65534"
PIDS = 4096
TMP_BYTES = 1 << 30
SHM_BYTES = 64 << 20
STOP_S = 10
NANO = 1_000_000_000
LOG = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
SECURITY = ["no-new-privileges"]
_ROOM_BYTES = 256 << 20  # beyond what was predicted, before the kernel ends it


def container_body(
    spec: WorkloadSpec, *, image: str, instance: str, publish: str
) -> dict[str, Any]:
    """Return the body of a create call. `publish` is the host's address for the port."""
    body: dict[str, Any] = {
        "Image": image,
        "Cmd": [_filled(word, spec) for word in spec.argv],
        "Env": [f"{name}={_filled(value, spec)}" for name, value in spec.env],
        "User": USER,
        "Labels": labels_of(spec, instance),
        "ExposedPorts": {f"{PORT}/tcp": {}},
        "StopTimeout": STOP_S,
        "HostConfig": host_config(spec, instance=instance, publish=publish),
        "NetworkingConfig": {"EndpointsConfig": {network_name(instance): {}}},
    }
    if spec.entrypoint is not None:
        body["Entrypoint"] = [_filled(word, spec) for word in spec.entrypoint]
    return body


def host_config(spec: WorkloadSpec, *, instance: str, publish: str) -> dict[str, Any]:
    """Return what the container may do and take."""
    limit = memory_limit(spec)
    config: dict[str, Any] = {
        "NetworkMode": network_name(instance),
        # Port 0: the kernel chooses one that is free, and `observe` reads which.
        "PortBindings": {f"{PORT}/tcp": [{"HostIp": publish, "HostPort": "0"}]},
        "Mounts": [models_mount(instance, read_only=True)],
        "Tmpfs": {"/tmp": f"rw,nosuid,nodev,size={TMP_BYTES},mode=1777"},  # noqa: S108
        "ShmSize": spec.shm_bytes or SHM_BYTES,
        **hardened(),
    }
    if limit is not None:
        config |= {"Memory": limit, "MemorySwap": limit}
    if spec.cpus is not None:
        config["NanoCpus"] = int(spec.cpus * NANO)
    if spec.gpus:
        config["DeviceRequests"] = [{"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}]
    return config


def hardened() -> dict[str, Any]:
    """Return the rights of every container of ours: next to none."""
    return {
        "CapDrop": ["ALL"],
        "SecurityOpt": list(SECURITY),
        "ReadonlyRootfs": True,
        "Privileged": False,
        "PidsLimit": PIDS,
        "IpcMode": "private",
        "CgroupnsMode": "private",
        "RestartPolicy": {"Name": "no"},  # the reconciler starts again, and knows why
        "LogConfig": LOG,
    }


def models_mount(instance: str, *, read_only: bool) -> dict[str, Any]:
    """Return the mount of the volume of artifacts; nothing of the host's own is ever mounted."""
    mount = {"Type": "volume", "Source": volume_name(instance), "Target": MODELS}
    return {**mount, "ReadOnly": read_only}


def labels_of(spec: WorkloadSpec, instance: str) -> dict[str, str]:
    """Return a workload's labels: the owner's, its name, what it was made from and may take."""
    own = {
        INSTANCE: instance,
        WORKLOAD: spec.name,
        SPEC_HASH: spec.fingerprint(),
        LIMITS: limits_text(memory_limit(spec) or 0, int((spec.cpus or 0) * NANO), PIDS),
    }
    return {**dict(spec.labels), **own}


def limits_text(memory: int, nano_cpus: int, pids: int) -> str:
    """Return the limits that can be edited while it runs, as its label notes them."""
    return f"{memory}/{nano_cpus}/{pids}"


def memory_limit(spec: WorkloadSpec) -> int | None:
    """Return what it may take at most: as asked, else half more than was predicted."""
    if spec.memory_limit_bytes is not None:
        return spec.memory_limit_bytes
    if spec.memory_bytes is None:
        return None
    return spec.memory_bytes * 3 // 2 + _ROOM_BYTES


def owner_part(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the labels that the spec gave, as `Observed` carries them."""
    own = {WORKLOAD, SPEC_HASH, LIMITS}
    ours = {k: v for k, v in labels.items() if k.startswith("dev.slipway.") and k not in own}
    return tuple(sorted(ours.items()))


def _filled(text: str, spec: WorkloadSpec) -> str:
    """Fill the placeholders; anything else in braces stays as it is."""
    for name, value in (
        ("{model}", artifact_path(spec.artifact)),
        ("{port}", str(PORT)),
        ("{address_file}", "/tmp/address"),  # noqa: S108 - in the container, for those who write it
    ):
        text = text.replace(name, value)
    return text
