"""`requirements/install.sh`: finds a usable Python, or says in one line what is wrong."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.house import ROOT


def _run(folder: Path, *, path: str, python: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", ROOT / "requirements" / "install.sh", folder / "venv", "no-lock.txt"],
        env={"PATH": path, **({"PYTHON": python} if python else {})},
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


def _fake(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with what the script needs and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("printf", "env"):
        (folder / tool).symlink_to(shutil.which(tool) or "")
    return folder


def test_no_python_at_all(tmp_path: Path, tools: Path) -> None:
    done = _run(tmp_path, path=str(tools))
    assert done.returncode == 1
    assert done.stderr == (
        "slipway: Python 3.11 or newer is needed; none was found;"
        " install one, or name one with PYTHON=/path/to/python3\n"
    )


def test_only_an_old_python(tmp_path: Path, tools: Path) -> None:
    _fake(tools, "python3", '[ "$1" = --version ] && echo Python 3.9.2 || exit 1')
    done = _run(tmp_path, path=str(tools))
    assert done.returncode == 1
    assert "python3 is Python 3.9.2; install one" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_python_without_venv(tmp_path: Path, tools: Path) -> None:
    _fake(tools, "python3", 'case "$2" in *ensurepip*) exit 1;; esac; exit 0')
    done = _run(tmp_path, path=str(tools))
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr


def test_a_newer_python_beside_an_old_default_is_found(tmp_path: Path, tools: Path) -> None:
    _fake(tools, "python3", "exit 1")
    (tools / "python3.12").symlink_to(sys.executable)
    done = _run(tmp_path, path=f"{tools}:{os.defpath}")
    assert "with Python 3." in done.stdout  # it was chosen; the lock it was given does not exist
    assert done.returncode == 1
    assert "could not be installed" in done.stderr
