"""A worker killed for real in the middle of a push and of a create on a real Ollama server.

What is in the middle is held there: the file goes through a slow relay, and the server is frozen
while it makes a model. Another worker owns the row then, and the end is what it would have been.
"""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.flows.house import House, wait_for
from tests.flows.test_ollama_host import _rows as rows
from tests.flows.test_ollama_host import _told as told
from tests.ollama_server import OllamaHouse
from tests.relay import Relay
from tests.requirements import need
from tests.smollm2 import smollm2_artifact

pytestmark = pytest.mark.slow
READY_S = 180.0
SLOW = 4 << 20  # bytes a second: the file would take twenty seconds and more

WISH = """
from models_app.domain.actors import SYSTEM
from models_app.services.hosts import host_add
from models_app.services.language_models import model_import
host_add(SYSTEM, name="lan", runtime="ollama", connection={"url": "http://%s"})
model_import(SYSTEM, name="smollm2", source="bundled", reference={"key": "smollm2-135m-instruct"})
"""
PUSH = """
from models_app.domain.actors import SYSTEM
from models_app.models import Artifact, Host
from models_app.services.host_models import host_model_push
host_model_push(SYSTEM, Host.objects.get(name="lan"), name="pushed",
                artifact=Artifact.objects.get())
"""
CREATE = """
from models_app.domain.actors import SYSTEM
from models_app.domain.variants import VARIANTS
from models_app.models import Host
from models_app.services.host_models import host_model_create
host_model_create(SYSTEM, Host.objects.get(name="lan"), name="made",
                  modelfile=VARIANTS["code"].of("pushed"))
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OllamaHouse]:
    with OllamaHouse(tmp_path / "ollama") as made:
        yield made


def test_a_push_and_a_create_whose_worker_is_killed_end_in_the_next(
    tmp_path: Path, server: OllamaHouse
) -> None:
    for name in ("valkey", "smollm2"):
        need(name)
    with (
        Relay((server.address, server.port)) as relay,
        House(tmp_path / "data", SLIPWAY_FIRST_MODEL="0") as house,
    ):
        house.start_and_wait()
        house.manage("shell", "-c", WISH % relay.address)
        wait_for(lambda: rows(house, "select 1 from models_app_artifact"), READY_S)

        relay.bytes_per_s = SLOW
        house.manage("shell", "-c", PUSH)
        wait_for(lambda: done_bytes(house) > SLOW, READY_S, lambda: told(house))
        killed = kill_owner(house, "push_model")
        relay.bytes_per_s = None
        assert_ended_by_another(house, "push_model", killed)
        digest = smollm2_artifact(tmp_path / "models").sha256
        assert server.names() == ["pushed:latest"]
        assert [blob for blob in files(server) if digest in blob] == [f"sha256-{digest}"]

        wait_for(lambda: rows(house, "select 1 from models_app_hostmodel"), READY_S)
        freeze = psutil.Process(server.pid)
        freeze.suspend()
        try:
            house.manage("shell", "-c", CREATE)
            wait_for(lambda: is_running(house, "create_model"), READY_S, lambda: told(house))
            killed = kill_owner(house, "create_model")
        finally:
            freeze.resume()
        assert_ended_by_another(house, "create_model", killed)
        assert server.names() == ["made:latest", "pushed:latest"]
        assert server.modelfile("made").count("PARAMETER temperature") == 1
        assert [blob for blob in files(server) if "tmp" in blob or "partial" in blob] == []


def kill_owner(house: House, kind: str) -> str:
    """Kill the worker that owns the operation, as the kernel would; return its name."""
    name = owner(house, kind)
    part = house.part("transfer")
    assert part is not None
    part.kill()
    return name


def owner(house: House, kind: str) -> str:
    """The worker whose lease is on the operation of that kind; empty: nobody's."""
    return next((row[1] for row in operations(house) if row[0] == kind), "")


def is_running(house: House, kind: str) -> bool:
    return (kind, "running") in [(row[0], row[2]) for row in operations(house)]


def assert_ended_by_another(house: House, kind: str, killed: str) -> None:
    """The killed worker's lease runs out, another takes the row, and does the work once."""
    wait_for(lambda: not is_running(house, kind), READY_S, lambda: told(house))
    assert [row[2:] for row in operations(house) if row[0] == kind] == [("succeeded", "")]
    assert owner(house, kind) != killed or not killed


def operations(house: House) -> list[tuple[str, str, str, str]]:
    query = "select kind, lease_owner, state, failure_code from models_app_operation"
    return [(str(k), str(o), str(s), str(f)) for k, o, s, f in rows(house, query)]


def done_bytes(house: House) -> int:
    found = rows(house, "select done_bytes from models_app_operation where kind = 'push_model'")
    return int(str(found[0][0])) if found else 0


def files(server: OllamaHouse) -> list[str]:
    return sorted(path.name for path in server.blobs.iterdir())
