"""README and docs/: links, settings, commands, and the snippets that can be run."""

import json
import os
import re
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

import pytest
from django.core.management import get_commands

from controlplane.settings import env
from controlplane.settings.env import ROOT
from controlplane.settings.paths import DataPaths
from models_app.domain.specs import ArtifactFacts, ArtifactRef, ServeRequest, owner_labels
from tests.workloads import HOST
from workers.engines.base import Engine

PAPERS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in PAPERS]
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)|(?:src|srcset)=\"([^\"]+)\"")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
IMAGE_LIMIT = 200_000  # bytes each


def blocks(name: str, language: str) -> list[str]:
    """The code blocks of a paper."""
    found = _BLOCK.findall((ROOT / name).read_text())
    return [code for kind, code in found if kind == language]


@pytest.mark.parametrize("path", PAPERS, ids=NAMES)
def test_every_link_leads_somewhere(path: Path) -> None:
    for groups in _LINK.findall(path.read_text()):
        target = groups[0] or groups[1]
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name}: {target}"


@pytest.mark.parametrize("path", PAPERS, ids=NAMES)
def test_every_command_that_is_named_exists(path: Path) -> None:
    text = path.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?m)(?:`|^|&& )make ([a-z-]+)", text)) <= targets
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= set(get_commands())


def test_every_setting_is_explained_and_none_is_made_up() -> None:
    real = set(re.findall(r"SLIPWAY_[A-Z_]+", Path(env.__file__).read_text()))
    told = set(re.findall(r"\| `(SLIPWAY_[A-Z_]+)`", (ROOT / "README.md").read_text()))
    assert told <= real
    not_for_users = {"SLIPWAY_DEBUG", "SLIPWAY_PART"}  # for development, and for its own parts
    assert real - told <= not_for_users
    assert len(real) >= len(fields(env.Env)) - 2


def test_pictures_are_small() -> None:
    pictures = list((ROOT / "docs" / "images").iterdir())
    assert {picture.name for picture in pictures} >= {"overview-light.png", "overview-dark.png"}
    for picture in pictures:
        assert picture.stat().st_size <= IMAGE_LIMIT, picture.name


def test_the_data_folder_is_described_as_it_is() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    paths = DataPaths(Path("/data"))
    properties = [name for name in vars(DataPaths) if isinstance(vars(DataPaths)[name], property)]
    for name in set(properties) - {"broker_socket"}:
        assert getattr(paths, name).name in text, name


def test_a_backup_is_whole_and_can_be_restored(tmp_path: Path) -> None:
    backup, restore = blocks("docs/operations.md", "sh")[:2]
    live = tmp_path / "live"
    (live / "secrets").mkdir(parents=True)
    (live / "secrets" / "django_key").write_text("secret")
    (live / "secrets" / "django_key").chmod(0o600)
    with closing(sqlite3.connect(live / "slipway.sqlite3")) as ledger:
        ledger.execute("pragma journal_mode=wal")
        ledger.execute("create table kept (word text)")
        ledger.execute("insert into kept values ('still in the write-ahead log')")
        ledger.commit()
        run(backup, SLIPWAY_DATA=live, BACKUP=tmp_path / "backup")  # while it is in use
    run(restore, SLIPWAY_DATA=tmp_path / "new", BACKUP=tmp_path / "backup")
    with closing(sqlite3.connect(tmp_path / "new" / "slipway.sqlite3")) as ledger:
        words = ledger.execute("select word from kept").fetchall()
    assert words == [("still in the write-ahead log",)]
    secret = tmp_path / "new" / "secrets" / "django_key"
    assert secret.stat().st_mode & 0o777 == 0o600


def run(script: str, **variables: Path) -> None:
    """Run a snippet as a reader would, stopping at the first failure."""
    known = {name: str(value) for name, value in variables.items()}
    subprocess.run(["/bin/sh", "-eu", "-c", script], env={**os.environ, **known}, check=True)


def test_the_engine_of_the_guide_keeps_the_contracts_pure_half() -> None:
    (code,) = blocks("docs/add-an-engine.md", "python")
    room: dict[str, object] = {"__name__": "guide"}
    exec(compile(code, "add-an-engine.md", "exec"), room)  # noqa: S102 - our own paper
    made = room["EchoEngine"]
    assert isinstance(made, type)
    engine: Engine = made()
    asked = ServeRequest(
        workload="slipway-x-0-r1",
        alias="x",
        artifact=ArtifactRef("a", "0" * 64, 1, "gguf", "a.gguf"),
        facts=ArtifactFacts(context_length=8192),
        parameters={"context_length": 512},
        memory_bytes=1 << 28,
        owner=owner_labels(instance="i", deployment="x", replica="r"),
    )
    host = HOST
    assert engine.check(asked, host) == []
    assert engine.plan(asked, host) == engine.plan(asked, host)
    assert engine.check(replace(asked, parameters={"context_length": 1}), host)
    assert engine.check(replace(asked, parameters={"shell": "rm"}), host)
    assert engine.probe(engine.plan(asked, host)).health_path == "/health"
    engine.metrics("nonsense {")


def test_every_address_of_the_guide_for_scripts_is_one_of_the_api() -> None:
    text = (ROOT / "docs" / "rest-api.md").read_text()
    paths = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    known = [re.sub(r"\{\w+\}", "[^/]+", path) for path in paths]
    asked = {one.rstrip("/") for one in re.findall(r"\$SLIPWAY(/[\w$/.-]+)", text)}
    assert len(asked) >= 5
    for address in asked:
        whole = f"/api/v1{address}"
        assert any(re.fullmatch(pattern, whole) for pattern in known), address
