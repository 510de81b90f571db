"""What a machine says of itself: real files of this one, and written-down ones of others."""

from pathlib import Path

import pytest

from models_app.domain.specs import GpuFacts
from workers.runtimes.process import endings, machine
from workers.runtimes.process.cgroups import Share, read_share
from workers.runtimes.process.folder import Record, WorkloadFolder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_no_limit_where_there_are_no_groups(tmp_path: Path) -> None:
    assert read_share(tmp_path / "none", tmp_path) == Share()
    write(tmp_path / "cgroup", "0::/\n")
    assert read_share(tmp_path / "cgroup", tmp_path) == Share()


def test_version_2_takes_the_tightest_limit(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", "0::/a/b\n")
    mount = tmp_path / "sys"
    write(mount / "a/b/memory.max", "max\n")
    write(mount / "a/memory.max", "4000\n")
    write(mount / "a/memory.current", "1500\n")
    write(mount / "a/memory.stat", "anon 900\ninactive_file 500\n")
    write(mount / "a/b/cpu.max", "150000 100000\n")
    write(mount / "a/cpu.max", "max 100000\n")
    assert read_share(tmp_path / "cgroup", mount) == Share(4000, 1000, 1.5)


def test_version_1_takes_the_tightest_limit(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", "4:memory:/x\n2:cpu,cpuacct:/x\n0::/\n")
    mount = tmp_path / "sys"
    write(mount / "memory/memory.limit_in_bytes", "9223372036854771712\n")
    write(mount / "memory/x/memory.limit_in_bytes", "8000\n")
    write(mount / "memory/x/memory.usage_in_bytes", "3000\n")
    write(mount / "memory/x/memory.stat", "total_inactive_file 1000\n")
    write(mount / "cpu/x/cpu.cfs_quota_us", "50000\n")
    write(mount / "cpu/x/cpu.cfs_period_us", "100000\n")
    assert read_share(tmp_path / "cgroup", mount) == Share(8000, 2000, 0.5)


def test_inside_a_container_only_the_mount_exists(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", "0::/../elsewhere/not/mounted\n")
    write(tmp_path / "sys/memory.max", "700\n")
    write(tmp_path / "sys/memory.current", "70\n")
    assert read_share(tmp_path / "cgroup", tmp_path / "sys") == Share(700, 70, None)


def test_cpus_of_other_kinds() -> None:
    intel = "processor: 0\nmodel name : Xeon\nflags : fpu avx2 avx512f smep\n\nprocessor: 1\n"
    assert machine.parse_cpuinfo(intel) == ("Xeon", ("avx2", "avx512f"))
    arm = "processor : 0\nFeatures : fp asimd i8mm\nHardware : BCM2712\n"
    assert machine.parse_cpuinfo(arm) == ("BCM2712", ("asimd", "i8mm"))
    assert machine.parse_cpuinfo("") == ("", ())


def test_gpus_are_read_from_the_drivers_table() -> None:
    table = "0, NVIDIA H100 80GB HBM3, 81559\n1, NVIDIA GB10, [N/A]\nNo devices were found\n"
    assert machine.parse_gpus(table) == (
        GpuFacts(0, "NVIDIA H100 80GB HBM3", "nvidia", 81559 << 20),
        GpuFacts(1, "NVIDIA GB10", "nvidia", None),
    )


@pytest.mark.parametrize(
    ("script", "count", "failed"),
    [
        ("echo '0, Card, 1000'", 1, False),
        ("exit 9", 0, True),
        ("sleep 60", 0, True),
    ],
)
def test_a_driver_that_fails_is_a_warning_and_no_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, count: int, failed: bool
) -> None:
    command = tmp_path / "nvidia-smi"
    write(
        command,
        f"#!/bin/sh\nexec {script}\n" if script.startswith("sleep") else f"#!/bin/sh\n{script}\n",
    )
    command.chmod(0o755)
    monkeypatch.setattr(machine, "GPU_TIMEOUT_S", 0.3)
    found, broken = machine.read_gpus(str(command))
    assert (len(found), broken) == (count, failed)


def test_this_machine_has_no_driver_by_that_name() -> None:
    assert machine.read_gpus("no-such-command") == ((), False)


def test_the_load_of_the_cpu_is_real(tmp_path: Path) -> None:
    first, second = machine.read_usage(tmp_path), machine.read_usage(tmp_path)
    for usage in (first, second):
        assert usage.cpu_percent is not None
        assert 0 <= usage.cpu_percent <= 100


@pytest.mark.parametrize(
    ("exit_code", "kernel", "killed", "line", "expected"),
    [
        (137, 6, False, "fine", True),  # the kernel killed for memory since it started
        (137, 5, False, "fine", False),  # somebody else killed it
        (137, 6, True, "fine", False),  # we did
        (1, 5, False, "MemoryError", True),
        (134, 5, False, "what():  std::bad_alloc", True),
        (2, 5, False, "ggml_aligned_malloc: insufficient memory", True),
        (0, 6, False, "MemoryError", False),
        (1, 6, False, "no such file", False),
    ],
)
def test_want_of_memory_needs_a_proof(
    tmp_path: Path, exit_code: int, kernel: int, killed: bool, line: str, expected: bool
) -> None:
    folder = WorkloadFolder(tmp_path, "one")
    folder.make()
    write(folder.path / "exit_code", f"{exit_code}\n")
    write(folder.log, f"{line}\n")
    if killed:
        folder.mark("killed")
    record = Record("hash", (), {}, oom_kills=5)
    assert endings.ran_out_of_memory(folder, record, lambda: kernel) is expected


def test_the_kernels_count_is_read() -> None:
    assert endings.kernel_oom_kills() >= 0
