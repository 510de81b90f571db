"""A replica's log for a script, over a real broker and a real engine's output."""

import threading
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from models_app.models import Replica
from models_app.notify import workers
from tests.controlplane.api.callers import Caller
from tests.factories import make_deployment, make_host, make_replica
from tests.valkey_server import valkey_server
from tests.workloads import eventually, fake_spec, open_process_runtime, wait_ready
from workers.reconcilers.logs import follow

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def replica(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Replica]:
    """A replica whose engine runs, and hands that follow when they are asked."""
    row = make_replica(make_deployment("one"), make_host())
    runtime = open_process_runtime(tmp_path)

    def ask(replica_id: int) -> None:
        threading.Thread(target=_follow, args=(replica_id,)).start()

    monkeypatch.setattr(workers, "ask_for_logs", ask)
    monkeypatch.setattr(workers, "send_later", lambda *_: None)
    monkeypatch.setattr("workers.reconcilers.logs.runtime_of", lambda _host: nullcontext(runtime))
    with valkey_server() as broker:
        settings.BROKER_URL = broker.url
        runtime.create(fake_spec(tmp_path, row.workload))
        wait_ready(runtime, row.workload)
        yield row
    runtime.stop_all(seconds=10)


def _follow(replica_id: int) -> None:
    try:
        follow(replica_id)
    finally:
        connection.close()


def test_the_last_lines_then_those_behind_them(viewer: Caller, replica: Replica) -> None:
    assert settings.BROKER_URL.startswith("unix://")
    path = f"/replicas/{replica.public_id}/logs"
    whole = eventually(lambda: found if len((found := viewer.get(path))["lines"]) > 5 else None)
    assert whole is not None
    offsets = [line["offset"] for line in whole["lines"]]
    assert offsets == sorted(offsets)
    assert whole["next"] == offsets[-1]
    assert all(line["text"] for line in whole["lines"])
    last = viewer.get(f"{path}?tail=2")
    assert last["lines"] == whole["lines"][-2:]
    later = viewer.get(f"{path}?since={offsets[1]}")
    assert [line["offset"] for line in later["lines"]][:3] == offsets[2:5]
    none = viewer.get(f"{path}?since={whole['next'] + 10**9}")
    assert none == {"lines": [], "next": whole["next"] + 10**9}


@pytest.mark.parametrize("query", ["tail=0", "tail=1001", "tail=x", "since=-2", "lines=3"])
def test_what_cannot_be_asked(viewer: Caller, query: str) -> None:
    replica = make_replica()
    response = viewer.call("GET", f"/replicas/{replica.public_id}/logs?{query}")
    assert response.status_code == 422


def test_no_broker_no_log(viewer: Caller) -> None:
    response = viewer.call("GET", f"/replicas/{make_replica().public_id}/logs")
    assert (response.status_code, response.json()["code"]) == (503, "LOGS_UNAVAILABLE")
