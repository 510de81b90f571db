"""What a Docker host is and how full it is: the engine's words, and /proc through the helper.

Where the helper said nothing, what only it can see is unknown: that is no fault of the host.
"""

import re
from collections.abc import Mapping
from typing import Any

from models_app.domain.specs import GpuFacts, HostFacts, HostUsage
from workers.runtimes.docker.dialing import Door
from workers.runtimes.docker.naming import MODELS
from workers.runtimes.docker.transport import Client
from workers.runtimes.process.machine import parse_cpuinfo

_READ = """
echo ==cpu; cat /proc/cpuinfo
echo ==gpu; cat /proc/driver/nvidia/gpus/*/information 2>/dev/null
"""
_FILL = f"""
echo ==memory; cat /proc/meminfo
echo ==stat; head -n 1 /proc/stat
echo ==disk; df -k {MODELS} | tail -n 1
"""
ASK_FACTS, ASK_USAGE = _READ + _FILL, _FILL  # scripts of the helper's
_PART = re.compile(r"^==(\w+)$", re.MULTILINE)
_MODEL = re.compile(r"^Model:\s*(.+)$", re.MULTILINE)
_IDLE = slice(3, 5)  # idle and waiting, among the ticks of /proc/stat

_last: dict[str, tuple[float, float]] = {}  # host -> ticks spent busy, ticks in all


def read_facts(client: Client, answer: str, *, door: Door, warnings: tuple[str, ...]) -> HostFacts:
    """Return what the host is, by its engine and the helper's answer to ASK_FACTS, if any."""
    info, version = client.call("GET", "/info"), client.call("GET", "/version")
    told = _parts(answer)
    cpu_model, flags = parse_cpuinfo(told.get("cpu", ""))
    toolkit = "nvidia" in (info.get("Runtimes") or {})
    names = _MODEL.findall(told.get("gpu", ""))
    plain = ["DOCKER_WITHOUT_TLS"] if door.connection.plain else []
    found = [*_advice(info, has_gpus=bool(names), has_toolkit=toolkit), *plain, *warnings]
    disk = _disk(told.get("disk", ""))
    return HostFacts(
        engine_id=engine_id(info),
        hostname=info["Name"],
        operating_system=info["OperatingSystem"],
        architecture=info["Architecture"],
        cpu_model=cpu_model,
        cpu_cores=info["NCPU"],
        cpu_flags=flags,
        memory_total_bytes=info["MemTotal"],
        disk_total_bytes=sum(disk) if disk else None,
        runtime="docker",
        runtime_version=version["Version"],
        # Without the toolkit no container gets to them.
        gpus=tuple(
            GpuFacts(number, name.strip(), "nvidia", None)
            for number, name in enumerate(names if toolkit else [])
        ),
        warnings=tuple(found),
        identity=dict(door.identity),
    )


def engine_id(info: Mapping[str, Any]) -> str:
    """Return what tells this engine from every other.

    Machines that were made from one image can share the identity of their engine: with the name of
    the machine they are taken for one only when they share that too.
    """
    return f"{info['ID']}/{info['Name']}" if info.get("ID") else ""


def read_usage(answer: str, host: str) -> HostUsage:
    """Return how full the host is now, by the helper's answer to ASK_USAGE, if any."""
    told = _parts(answer)
    memory = {
        name: int(value.split()[0]) << 10
        for name, _, value in (line.partition(":") for line in told.get("memory", "").splitlines())
        if value.strip().endswith("kB")
    }
    total, available = memory.get("MemTotal"), memory.get("MemAvailable")
    used, free = _disk(told.get("disk", "")) or (None, None)
    return HostUsage(
        cpu_percent=_cpu_percent(host, told["stat"]) if told.get("stat") else None,
        memory_used_bytes=None if total is None or available is None else total - available,
        memory_available_bytes=available,
        disk_used_bytes=used,
        disk_free_bytes=free,
    )


def _advice(info: Mapping[str, Any], *, has_gpus: bool, has_toolkit: bool) -> list[str]:
    """Return the codes of what a person should know about this engine."""
    security = " ".join(info.get("SecurityOptions") or ())
    checks = {
        "LIVE_RESTORE_OFF": not info.get("LiveRestoreEnabled"),
        "NO_MEMORY_CGROUP": not info.get("MemoryLimit"),
        "NO_CPU_CGROUP": not info.get("CpuCfsQuota"),
        "NO_USERNS": "userns" not in security and "rootless" not in security,
        "GPU_TOOLKIT_MISSING": has_gpus and not has_toolkit,
        # In its own words the API "is accessible on http://10.0.0.5:2375 without encryption".
        "DOCKER_PLAIN_PORT_OPEN": any(
            "without encryption" in one for one in info.get("Warnings") or ()
        ),
    }
    return [code for code, holds in checks.items() if holds]


def _parts(text: str) -> dict[str, str]:
    pieces = _PART.split(text)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def _disk(line: str) -> tuple[int, int] | None:
    """Return the used and free bytes of df's line."""
    fields = line.split()
    figures = fields[-4:-2]  # of: device, all, used, free, percent, where
    if len(figures) < len(("used", "free")) or not all(one.isdecimal() for one in figures):
        return None
    return int(figures[0]) << 10, int(figures[1]) << 10


def _cpu_percent(host: str, line: str) -> float:
    """Return the load since this process last looked."""
    ticks = [float(word) for word in line.split()[1:9]]
    everything = sum(ticks)
    busy = everything - sum(ticks[_IDLE])
    before = _last.get(host)
    _last[host] = busy, everything
    if before is None or everything <= before[1]:
        return 0.0
    return max(0.0, min(100.0, 100.0 * (busy - before[0]) / (everything - before[1])))
