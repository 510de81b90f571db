"""Which engines, runtimes and sources there are: our own, and those that packages bring along.

Built-ins are plug-ins like any other: a dotted path here, an entry point in somebody's package.
One that does not load is logged and left out; the others work on.
"""

import importlib
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from models_app.domain.failures import FailureCode, fail
from models_app.services.demo.hosts import RUNTIME as DEMO_RUNTIME
from workers.engines.base import Engine
from workers.engines.fake.demo import DemoEngine
from workers.runtimes.base import Runtime
from workers.sources.base import Source

log = logging.getLogger(__name__)

ENGINES = {
    "llamacpp": "workers.engines.llamacpp.engine:LlamaCppEngine",
    "ollama": "workers.engines.ollama.engine:OllamaEngine",
    "fake": "workers.engines.fake.engine:FakeEngine",
}
RUNTIMES = {
    "process": "workers.runtimes.process.runtime:ProcessRuntime",
    "docker": "workers.runtimes.docker.runtime:DockerRuntime",
    "ollama": "workers.runtimes.ollama.runtime:OllamaRuntime",
    DEMO_RUNTIME: "workers.runtimes.demo.runtime:DemoRuntime",
}
SOURCES = {
    "file": "workers.sources.file:FileSource",
    "upload": "workers.sources.file:UploadSource",
    "url": "workers.sources.url:UrlSource",
    "bundled": "workers.sources.bundled:BundledSource",
}


def engines() -> Mapping[str, Engine]:
    """Return every engine that loads, by key."""
    found = {key: _make(path) for key, path in _paths("slipway.engines", ENGINES).items()}
    return {key: engine for key, engine in found.items() if engine is not None}


def engine(key: str) -> Engine:
    """Return one engine. Raises FailureError ENGINE_MISSING."""
    found = engines().get(key)
    if found is None:
        raise fail(FailureCode.ENGINE_MISSING, engine=key)
    return found


def engine_on(runtime: str, key: str) -> Engine:
    """Return what serves on a host of that runtime. Raises FailureError ENGINE_MISSING.

    On the demo's hosts the fake engine stands in for each.
    """
    found = engine(key)
    return DemoEngine() if runtime == DEMO_RUNTIME else found


def open_runtime(  # noqa: PLR0913 - the Runtime seam's own list
    kind: str,
    *,
    connection: Mapping[str, Any],
    secret: Mapping[str, str],
    identity: Mapping[str, str],
    workloads: Path,
    models: Path,
    instance: str,
) -> Runtime:
    """Return the runtime of a host, to be entered. Raises FailureError RUNTIME_UNSUPPORTED.

    `connection`, `secret` and `identity` are the host's, as the ledger keeps them.
    """
    path = _paths("slipway.runtimes", RUNTIMES).get(kind)
    make = _load(path) if path else None
    if make is None:
        raise fail(FailureCode.RUNTIME_UNSUPPORTED, runtime=kind)
    runtime: Runtime = make(
        connection=connection,
        secret=secret,
        identity=identity,
        workloads=workloads,
        models=models,
        instance=instance,
    )
    return runtime


def source(key: str, *, uploads: Path, networks: Sequence[str] = ()) -> Source:
    """Return one source. Raises FailureError SOURCE_REFUSED.

    `uploads` is where received files lie; `networks` are local ones it may fetch from all the same.
    """
    path = _paths("slipway.sources", SOURCES).get(key)
    make = _load(path) if path else None
    if make is None:
        raise fail(FailureCode.SOURCE_REFUSED, reason="unknown", source=key)
    needed: dict[str, dict[str, Any]] = {
        "upload": {"uploads": uploads},
        "url": {"allow": networks},
    }
    made: Source = make(**needed.get(key, {}))
    return made


def _paths(group: str, builtin: Mapping[str, str]) -> dict[str, str]:
    return {**_plugged(group), **builtin}


@cache
def _plugged(group: str) -> dict[str, str]:
    return {entry.name: entry.value for entry in entry_points(group=group)}


@cache
def _load(path: str) -> Callable[..., Any] | None:
    module, _, name = path.partition(":")
    try:
        loaded: Callable[..., Any] = getattr(importlib.import_module(module), name)
    except Exception:
        log.exception("plug-in %s does not load, left out", path)
        return None
    return loaded


@cache
def _make(path: str) -> Any:
    make = _load(path)
    try:
        return make() if make else None
    except Exception:
        log.exception("plug-in %s cannot be made, left out", path)
        return None
