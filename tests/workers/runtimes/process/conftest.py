"""A process runtime of the test's own, that leaves no engine behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workloads import engine_pids, open_process_runtime
from workers.runtimes.process.runtime import ProcessRuntime


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[ProcessRuntime]:
    made = open_process_runtime(tmp_path)
    yield made
    assert made.stop_all(seconds=10) == []
    assert engine_pids(tmp_path) == []
