"""The demo's machines: a shop, an office, a rack; one silent, one closed."""

from dataclasses import dataclass
from typing import Any

from models_app.domain.states import HostState, Scheduling
from models_app.models import Host
from models_app.services.demo.times import ago

RUNTIME = "demo"  # workers/runtimes/demo/: pretended machines
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class DemoHost:
    """One machine of the demo."""

    name: str
    cpu: str
    cores: int
    memory_gib: int
    used_gib: float
    disk_gib: int
    labels: dict[str, str]
    state: HostState = HostState.READY
    scheduling: Scheduling = Scheduling.OPEN
    budget_gib: int | None = None


DEMO_HOSTS = (
    DemoHost("cupboard-1", "AMD Ryzen 5 5600U", 12, 32, 11.2, 512, {"site": "rome"}, budget_gib=24),
    DemoHost("till-1", "Intel N100", 4, 16, 5.4, 256, {"site": "rome", "kind": "till"}),
    DemoHost("till-2", "Intel N100", 4, 16, 4.1, 256, {"site": "milan", "kind": "till"}),
    DemoHost("rack-1", "AMD EPYC 7302P", 32, 128, 37.5, 2048, {"site": "turin"}),
    DemoHost(
        "attic-pi",
        "Broadcom BCM2712",
        4,
        8,
        1.9,
        128,
        {"site": "rome"},
        scheduling=Scheduling.CORDONED,
    ),
    DemoHost(
        "branch-7",
        "Intel Core i5-8500T",
        6,
        16,
        6.3,
        256,
        {"site": "naples"},
        state=HostState.UNREACHABLE,
    ),
)


def hosts_add() -> dict[str, Host]:
    """Write the demo's hosts; return them by name."""
    return {demo.name: _host(demo) for demo in DEMO_HOSTS}


def _host(demo: DemoHost) -> Host:
    is_silent = demo.state == HostState.UNREACHABLE
    since = ago(minutes=23) if is_silent else ago(days=4, hours=3)
    told = facts(demo.name, demo.cpu, demo.cores, demo.memory_gib, demo.disk_gib)
    full = usage(demo.memory_gib, demo.used_gib, demo.disk_gib)
    host = Host.objects.create(
        name=demo.name,
        runtime=RUNTIME,
        connection={"facts": told, "usage": full, "silent": is_silent},
        state=demo.state,
        scheduling=demo.scheduling,
        labels=demo.labels,
        memory_budget_bytes=demo.budget_gib * GIB if demo.budget_gib else None,
        facts=told,
        usage=full,
        last_seen_at=since if is_silent else ago(seconds=4),
        misses=8 if is_silent else 0,
        failure_code="HOST_UNREACHABLE" if is_silent else "",
        failure_params={"host": demo.name} if is_silent else {},
        failure_evidence=["connect timeout after 3 s"] if is_silent else [],
    )
    Host.objects.filter(pk=host.pk).update(state_since=since, created_at=ago(days=40))
    return host


def facts(name: str, cpu: str, cores: int, memory_gib: int, disk_gib: int) -> dict[str, Any]:
    """Return what a machine says of itself."""
    return {
        "hostname": f"{name}.lan",
        "operating_system": "Debian GNU/Linux 12",
        "architecture": "x86_64",
        "cpu_model": cpu,
        "cpu_cores": cores,
        "cpu_flags": ["sse4_2", "avx", "avx2", "fma", "f16c"],
        "memory_total_bytes": memory_gib * GIB,
        "disk_total_bytes": disk_gib * GIB,
        "runtime": RUNTIME,
        "runtime_version": "1",
        "gpus": [],
        "warnings": [],
        "identity": {},
        "engine_id": "",
    }


def usage(memory_gib: float, used_gib: float, disk_gib: float) -> dict[str, Any]:
    """Return how full a machine is."""
    return {
        "cpu_percent": round(18 + 40 * used_gib / memory_gib, 1),
        "memory_used_bytes": int(used_gib * GIB),
        "memory_available_bytes": int((memory_gib - used_gib) * GIB),
        "disk_used_bytes": int(disk_gib * GIB * 0.37),
        "disk_free_bytes": int(disk_gib * GIB * 0.63),
    }
