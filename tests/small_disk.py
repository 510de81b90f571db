"""A file system of a few megabytes, so that a test can really fill a disk."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    """Mount a memory disk of that size at `folder`; skip where that is not allowed."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        _absent("only root can mount a small disk")
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "slipway-test", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        _absent(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _absent(reason: str) -> None:
    if os.environ.get("SLIPWAY_NO_SKIPS") == "1" and os.geteuid() == 0:
        pytest.fail(reason)
    pytest.skip(reason)
