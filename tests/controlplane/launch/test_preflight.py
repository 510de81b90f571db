from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from controlplane.launch.preflight import RefusedError, check_place, check_start
from controlplane.settings.env import read_env


class Usage(NamedTuple):
    free: int


def test_folder_for_sockets_must_be_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_DATA", str(tmp_path))
    check_place()
    (tmp_path / "run").chmod(0o755)
    with pytest.raises(RefusedError, match="yours alone"):
        check_place()


def test_folder_for_sockets_must_not_be_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_DATA", str(tmp_path))
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RefusedError, match="yours alone"):
        check_place()


def test_low_disk_is_said_with_its_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(free=7 * 2**20))
    with pytest.raises(RefusedError, match="7 MiB free, at least 100 MiB"):
        check_start(replace(read_env(), data=tmp_path))


def test_unknown_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="SLIPWAY_HOST"):
        check_start(replace(read_env(), data=tmp_path, host="192.0.2.1"))
