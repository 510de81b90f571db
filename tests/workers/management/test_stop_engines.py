"""`manage.py stop_engines`, against engines of this run's own data folder."""

from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from tests.workloads import HOST, engine_pids, fake_request, wait_ready
from workers.engines.fake.engine import FakeEngine
from workers.runtimes.process.runtime import ProcessRuntime


def test_it_ends_the_engines_of_this_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "PATHS", type(settings.PATHS)(tmp_path))
    runtime = ProcessRuntime(
        workloads=settings.PATHS.workloads,
        models=settings.PATHS.models,
        instance=settings.INSTANCE_ID,
    )
    with runtime:
        for name in ("slipway-a-0-r1", "slipway-a-1-r1"):
            runtime.create(FakeEngine().plan(fake_request(tmp_path, name), HOST))
            wait_ready(runtime, name)
        assert len(engine_pids(tmp_path)) == 2
        call_command("stop_engines")
        assert engine_pids(tmp_path) == []
        assert list(runtime.list_owned()) == []
    call_command("stop_engines")  # nothing left to end
