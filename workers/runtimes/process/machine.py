"""What this machine is and how full it is: /proc, control groups, psutil, nvidia-smi if present."""

import math
import os
import platform
import shutil
import subprocess
import time
from pathlib import Path

import psutil

from models_app.domain.specs import GpuFacts, HostFacts, HostUsage
from workers.runtimes.process.cgroups import read_share

# Instruction sets that decide how fast an engine computes; the other hundred say nothing here.
USEFUL_FLAGS = frozenset(
    {"sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512vl"}
    | {"avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16"}
    | {"asimd", "asimddp", "i8mm", "bf16", "sve", "sve2"}
)
GPU_QUERY = ("--query-gpu=index,name,memory.total", "--format=csv,noheader,nounits")
GPU_TIMEOUT_S = 5.0
_GPU_FIELDS = 3
_FRESH_S = 300.0  # an older sample of the CPU would tell an average of the past

_last_cpu_sample: list[float] = []


def read_facts(data: Path) -> HostFacts:
    """Return what this machine is; `data` tells which disk counts."""
    model, flags = _cpu()
    share = read_share()
    memory = psutil.virtual_memory().total
    warnings = []
    if share.memory_limit_bytes is not None and share.memory_limit_bytes < memory:
        memory = share.memory_limit_bytes
        warnings.append("MEMORY_LIMITED_BY_CGROUP")
    gpus, gpu_failed = read_gpus()
    if gpu_failed:
        warnings.append("GPU_QUERY_FAILED")
    return HostFacts(
        hostname=platform.node(),
        operating_system=_operating_system(),
        architecture=platform.machine(),
        cpu_model=model,
        cpu_cores=_cores(share.cpus),
        cpu_flags=flags,
        memory_total_bytes=memory,
        disk_total_bytes=shutil.disk_usage(data).total,
        runtime="process",
        runtime_version=f"{platform.system()} {platform.release()}",
        gpus=gpus,
        warnings=tuple(warnings),
    )


def read_usage(data: Path) -> HostUsage:
    """Return how full this machine is now."""
    memory = psutil.virtual_memory()
    used, available = memory.total - memory.available, memory.available
    share = read_share()
    if share.memory_limit_bytes is not None and share.memory_used_bytes is not None:
        room = max(0, share.memory_limit_bytes - share.memory_used_bytes)
        if share.memory_limit_bytes < memory.total:
            used, available = share.memory_used_bytes, min(available, room)
    disk = shutil.disk_usage(data)
    return HostUsage(
        cpu_percent=_cpu_percent(),
        memory_used_bytes=used,
        memory_available_bytes=available,
        disk_used_bytes=disk.used,
        disk_free_bytes=disk.free,
    )


def read_gpus(command: str = "nvidia-smi") -> tuple[tuple[GpuFacts, ...], bool]:
    """Return the GPUs that the driver lists, and whether it is there but did not answer."""
    path = shutil.which(command, path=os.defpath + ":/usr/local/bin:/usr/local/nvidia/bin")
    if path is None:
        return (), False
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            [path, *GPU_QUERY], capture_output=True, text=True, timeout=GPU_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return (), True
    return parse_gpus(done.stdout), False


def parse_gpus(text: str) -> tuple[GpuFacts, ...]:
    """Return the GPUs of nvidia-smi's table: index, name, mebibytes (or [N/A])."""
    found = []
    for line in text.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) == _GPU_FIELDS and fields[0].isdecimal():
            memory = int(fields[2]) << 20 if fields[2].isdecimal() else None
            found.append(GpuFacts(int(fields[0]), fields[1], "nvidia", memory))
    return tuple(found)


def parse_cpuinfo(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the CPU's name and its useful instruction sets from /proc/cpuinfo."""
    first: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        first.setdefault(key.strip().lower(), value.strip())
    name = first.get("model name") or first.get("hardware") or first.get("cpu model") or ""
    flags = (first.get("flags") or first.get("features") or "").split()
    return name, tuple(sorted(USEFUL_FLAGS.intersection(flags)))


def _cpu() -> tuple[str, tuple[str, ...]]:
    try:
        name, flags = parse_cpuinfo(Path("/proc/cpuinfo").read_text())
    except OSError:
        name, flags = "", ()
    return name or platform.processor() or platform.machine(), flags


def _cores(quota: float | None) -> int:
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        cores = os.cpu_count() or 1
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def _operating_system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"


def _cpu_percent() -> float:
    """Return the CPU's load since this process last asked, or over a moment if that is long ago."""
    now = time.monotonic()
    recent = bool(_last_cpu_sample) and now - _last_cpu_sample[-1] < _FRESH_S
    _last_cpu_sample[:] = [now]
    return psutil.cpu_percent(interval=None if recent else 0.1)
