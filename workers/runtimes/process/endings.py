"""What is known of how a workload ended, beyond its exit code."""

import re
from collections.abc import Callable
from pathlib import Path

from workers.runtimes.process.folder import Record, WorkloadFolder
from workers.runtimes.process.logs import tail_lines

KILLED = 128 + 9
_OUT_OF_MEMORY = re.compile(
    r"\bMemoryError\b|std::bad_alloc|cannot allocate memory|out of memory|failed to allocate"
    r"|insufficient memory|ggml_aligned_malloc",
    re.IGNORECASE,
)


def kernel_oom_kills() -> int:
    """Return how many processes this kernel has ended for want of memory since it started."""
    try:
        for line in Path("/proc/vmstat").read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    except OSError:
        pass
    return 0


def ran_out_of_memory(
    folder: WorkloadFolder, record: Record, count: Callable[[], int] = kernel_oom_kills
) -> bool:
    """Return whether a workload that ended did so for want of memory.

    Two proofs count: it was killed, not by us, and the kernel has killed for memory since it
    started; or its last lines say that an allocation failed (it ran into its own limit).
    """
    code = folder.read_exit_code()
    if code == 0 or folder.marked("killed"):
        return False
    if code in {KILLED, None} and count() > record.oom_kills:
        return True
    return any(_OUT_OF_MEMORY.search(line.text) for line in tail_lines(folder, lines=30))
