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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLIPWAY_PORT", "eighty"),
        ("SLIPWAY_PORT", "0"),
        ("SLIPWAY_PORT", "70000"),
        ("SLIPWAY_UPLOAD_LIMIT_GIB", "abc"),
        ("SLIPWAY_UPLOAD_LIMIT_GIB", "-1"),
        ("SLIPWAY_REQUEST_BOUNDS", "foo"),
        ("SLIPWAY_REQUEST_BOUNDS", "tools=many"),
        ("SLIPWAY_REQUEST_BOUNDS", "hammers=3"),
        ("SLIPWAY_DATABASE", "foo://secret-word"),
        ("SLIPWAY_DATABASE", "postgresql://me:secret-word@host/"),
        ("SLIPWAY_DATABASE", "postgresql://me:secret-word@host:port/name"),
        ("SLIPWAY_BROKER", "nonsense"),
        ("SLIPWAY_BROKER", "amqp://me:secret-word@host"),
        ("SLIPWAY_FETCH_NETWORKS", "abc"),
        ("SLIPWAY_FETCH_NETWORKS", "10.0.0.0/8,10.0.0.1/8"),
        ("SLIPWAY_URL", "foo"),
        ("SLIPWAY_URL", "ftp://slipway.example"),
        ("SLIPWAY_URL", "https://slipway.example/here"),
        ("SLIPWAY_URL", "https://[slipway"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_one_line_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("SLIPWAY_DATA", str(tmp_path))
    monkeypatch.setenv(name, value)
    with pytest.raises(RefusedError) as refusal:
        check_place()
    line = str(refusal.value)
    assert line.startswith(f"{name} must be ")
    assert "\n" not in line
    assert "secret-word" not in line


@pytest.mark.parametrize(
    "url", ["redis://broker:6379/0", "rediss://:word@broker:6380/1", "unix:///run/valkey.sock"]
)
def test_every_way_to_reach_a_broker_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("SLIPWAY_DATA", str(tmp_path))
    monkeypatch.setenv("SLIPWAY_BROKER", url)
    assert check_place().broker_url == url


def test_settings_that_are_meant_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_DATA", str(tmp_path))
    monkeypatch.setenv("SLIPWAY_DATABASE", "postgresql://me:word@db:5432/slipway")
    monkeypatch.setenv("SLIPWAY_BROKER", "rediss://:word@broker:6380/1")
    monkeypatch.setenv("SLIPWAY_FETCH_NETWORKS", "10.0.0.0/8, fd00::/8")
    monkeypatch.setenv("SLIPWAY_URL", "https://slipway.example/")
    env = check_place()
    assert env.fetch_networks == ("10.0.0.0/8", "fd00::/8")
    assert env.public_url == "https://slipway.example"
