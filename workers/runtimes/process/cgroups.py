"""The share of the machine that our control group grants, in version 1 and 2 of the interface.

A container that may use 4 GiB of a 64 GiB machine is a host of 4 GiB.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_UNLIMITED = 1 << 60  # version 1 writes a huge number for "no limit"


@dataclass(frozen=True, slots=True)
class Share:
    """What the group may use and uses. None: no limit is set."""

    memory_limit_bytes: int | None = None
    memory_used_bytes: int | None = None  # without the file cache that can be given back
    cpus: float | None = None


def read_share(
    groups: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")
) -> Share:
    """Return the tightest limits between our group and the root."""
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return Share()
    paths = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path
    if "memory" in paths:
        return _version_1(paths, mount)
    return _version_2(paths.get("", "/"), mount)


def _version_2(path: str, mount: Path) -> Share:
    limit, used, cpus = None, None, None
    for folder in _folders(mount, path):
        found = _number(folder / "memory.max")
        if found is not None and (limit is None or found < limit):
            limit, used = found, _used(folder, "memory.current", "inactive_file")
        quota = _text(folder / "cpu.max").split()
        if quota and quota[0].isdecimal():
            share = int(quota[0]) / int(quota[1])
            cpus = share if cpus is None else min(cpus, share)
    return Share(limit, used, cpus)


def _version_1(paths: dict[str, str], mount: Path) -> Share:
    limit, used, cpus = None, None, None
    for folder in _folders(mount / "memory", paths["memory"]):
        found = _number(folder / "memory.limit_in_bytes")
        if found is not None and found < _UNLIMITED and (limit is None or found < limit):
            limit = found
            used = _used(folder, "memory.usage_in_bytes", "total_inactive_file")
    for folder in _folders(mount / "cpu", paths.get("cpu", "/")):
        quota = _number(folder / "cpu.cfs_quota_us")  # -1: none; not decimal, so None
        period = _number(folder / "cpu.cfs_period_us")
        if quota and period:
            cpus = quota / period if cpus is None else min(cpus, quota / period)
    return Share(limit, used, cpus)


def _folders(mount: Path, path: str) -> Iterator[Path]:
    """Yield our group's folder and its parents; inside a container often only the mount exists."""
    folder = mount / path.strip("/")
    while True:
        if folder.is_dir():
            yield folder
        if folder in {mount, folder.parent}:
            return
        folder = folder.parent


def _used(folder: Path, total: str, cache: str) -> int | None:
    used = _number(folder / total)
    if used is None:
        return None
    for line in _text(folder / "memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name == cache:
            return max(0, used - int(value))
    return used


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
