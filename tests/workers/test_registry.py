"""Finding engines, runtimes and sources by name; a plug-in that is broken hurts nobody else."""

import logging
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from models_app.domain.failures import FailureCode, FailureError
from workers import registry


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    caches = (registry._plugged, registry._load, registry._make)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


def plug(monkeypatch: pytest.MonkeyPatch, **entries: str) -> None:
    points = [types.SimpleNamespace(name=key, value=path) for key, path in entries.items()]

    def entry_points(*, group: str) -> list[types.SimpleNamespace]:
        return points if group == "slipway.engines" else []

    monkeypatch.setattr(registry, "entry_points", entry_points)


def open_kind(kind: str, root: Path) -> object:
    return registry.open_runtime(
        kind,
        connection={},
        secret={},
        identity={},
        workloads=root / "workloads",
        models=root / "models",
        instance="i",
    )


def test_every_built_in_loads(tmp_path: Path) -> None:
    assert set(registry.engines()) >= {"llamacpp", "fake"}
    for key, engine in registry.engines().items():
        assert engine.manifest.key == key
        assert registry.engine(key) is engine
    for kind in registry.RUNTIMES:
        assert open_kind(kind, tmp_path)
    for key in registry.SOURCES:
        assert registry.source(key, uploads=tmp_path).key == key


def test_unknown_names_have_codes(tmp_path: Path) -> None:
    asks: list[tuple[Callable[[], object], FailureCode]] = [
        (lambda: registry.engine("x"), FailureCode.ENGINE_MISSING),
        (lambda: open_kind("x", tmp_path), FailureCode.RUNTIME_UNSUPPORTED),
        (lambda: registry.source("x", uploads=tmp_path), FailureCode.SOURCE_REFUSED),
    ]
    for ask, code in asks:
        with pytest.raises(FailureError) as refused:
            ask()
        assert refused.value.failure.code == code


def test_a_plug_in_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    plug(monkeypatch, other="workers.engines.fake.engine:FakeEngine")
    assert registry.engine("other").manifest.key == "fake"


def test_a_broken_plug_in_is_logged_and_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plug(
        monkeypatch,
        absent="no.such.module:Engine",
        nameless="workers.engines.fake.engine:NoSuchEngine",
        raises="tests.workers.test_registry:RaisesWhenMade",
    )
    with caplog.at_level(logging.ERROR):
        found = registry.engines()
    assert set(found) == {"llamacpp", "ollama", "fake"}
    assert "no.such.module" in caplog.text
    assert "NoSuchEngine" in caplog.text
    assert "RaisesWhenMade" in caplog.text


def test_a_plug_in_cannot_replace_a_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    plug(monkeypatch, llamacpp="workers.engines.fake.engine:FakeEngine")
    assert registry.engine("llamacpp").manifest.key == "llamacpp"


class RaisesWhenMade:
    def __init__(self) -> None:
        raise RuntimeError("as tests want")
