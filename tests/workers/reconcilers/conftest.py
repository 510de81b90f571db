"""This machine as a host, and one deployment wished for on it: real processes, the real runtime."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from models_app.domain.store import ModelStore, hash_file
from models_app.models import Deployment, Host, User
from models_app.services import deployments as wishes
from models_app.services.engines import engines_publish
from models_app.services.hosts import host_add
from tests.factories import actor_of, make_artifact
from tests.gguf_files import gguf_bytes
from tests.workers.reconcilers.driving import settle
from workers.reconcilers.runtimes import runtime_of
from workers.registry import engines


@pytest.fixture
def here(alice: User) -> Iterator[Host]:
    """This machine as a host; whatever a test leaves running on it is ended."""
    engines_publish(engine.manifest for engine in engines().values())
    host = host_add(actor_of(alice), name="here", runtime="process")
    settle(lambda: Host.objects.get().state == "ready")
    yield host
    host.refresh_from_db()
    with runtime_of(host) as runtime:
        for workload in list(runtime.list_owned()):
            while not runtime.remove(workload.name, force=True):
                pass


@pytest.fixture
def chat(here: Host, alice: User, tmp_path: Path) -> Deployment:
    """One replica of the fake engine, wished for."""
    part = tmp_path / "a.part"
    part.write_bytes(gguf_bytes())
    sha256, size = hash_file(part), part.stat().st_size
    ModelStore(settings.PATHS.models).adopt(part, sha256, "a.gguf")
    artifact = make_artifact(sha256=sha256, size_bytes=size, file_name="a.gguf")
    return wishes.deployment_create(actor_of(alice), name="chat", engine="fake", artifact=artifact)
