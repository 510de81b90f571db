"""What docs/rest-api.md shows is run: in a shell, in its order, against a real front door."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from controlplane.settings.env import ROOT
from models_app.models import Deployment, LanguageModel, Operation, User
from models_app.services.engines import engines_publish
from tests import factories
from tests.controlplane.api.callers import caller_of
from tests.gguf_files import write_gguf
from tests.requirements import need
from tests.website import website
from workers.registry import engines

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
GUIDE = (ROOT / "docs" / "rest-api.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", GUIDE, flags=re.DOTALL | re.MULTILINE)
ASKS_A_WORKER = re.compile(r"^ask .*/logs\?.*\n", re.MULTILINE)  # tests/.../test_replica_logs.py
RUNS_WITHIN_S = 120


def script(url: str, token: str, artifact: object, replica: object) -> str:
    """Return every command of the guide, with this front door's own address, token and ids."""
    text = ASKS_A_WORKER.sub("", "\n".join(BLOCKS))
    text = text.replace("http://127.0.0.1:8400", url).replace("slip_...", token)
    text = text.replace('"artifact": "<id>"', f'"artifact": "{artifact}"')
    return text.replace("/replicas/<id>", f"/replicas/{replica}")


def test_the_commands_of_the_guide_work_in_their_order(alice: User, tmp_path: Path) -> None:
    need("curl")
    engines_publish(engine.manifest for engine in engines().values())
    factories.make_host("till-1")
    artifact = factories.make_artifact()
    replica = factories.make_replica(factories.make_deployment("other"))
    write_gguf(tmp_path / "tiny.gguf")
    with website() as site:
        told = script(site.url, caller_of(alice).token, artifact.public_id, replica.public_id)
        assert told.count("ask ") >= 9
        assert "<id>" not in told
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", told],
            cwd=tmp_path,
            env=os.environ.copy(),
            capture_output=True,
            text=True,
            timeout=RUNS_WITHIN_S,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-1000:]
    assert LanguageModel.objects.filter(name="tiny").exists()
    sources = {operation.parameters["source"] for operation in Operation.objects.all()}
    assert sources == {"url", "upload"}
    revision = Deployment.objects.get(name="chat").revision
    assert revision is not None
    assert revision.parameters["context_length"] == 4096
