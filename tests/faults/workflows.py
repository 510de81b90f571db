"""The workflows that must survive a crash at any point: what is wished and what comes of it."""

import io
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults import wisher
from tests.faults.observer import Observer
from tests.gguf_files import TINY_METADATA, write_gguf

Act = Callable[["Run"], object]
Look = Callable[["Run"], bool]


@dataclass
class Run:
    """One try of a workflow, with names and a model file that no other try has."""

    number: int
    data: Path
    observer: Observer

    @property
    def name(self) -> str:
        """The name of its deployment and of its model."""
        return f"run-{self.number}"

    def file(self) -> str:
        """Write its model file."""
        metadata = {**TINY_METADATA, "general.name": self.name}
        return str(write_gguf(self.data / f"{self.name}.gguf", metadata=metadata))

    def one(self, query: str) -> dict[str, Any]:
        """Return the row that a query finds for this run's name, or an empty one."""
        rows = self.observer.rows(query, self.name)
        return rows[0] if rows else {}

    def engines(self) -> dict[str, set[int]]:
        """Return what runs of its deployment."""
        found = self.observer.engines()
        return {w: s for w, s in found.items() if w.startswith(f"slipway-{self.name}-")}


@dataclass(frozen=True)
class Workflow:
    """What to do first, what to wish, and how to know that it came true."""

    prepare: Act
    is_prepared: Look
    wish: Act
    is_settled: Look

    def undo(self, run: Run) -> None:
        """Wish away what a run has left, for the next one."""
        if run.one(_DEPLOYMENT):
            wisher.delete(run.name)

    def left_over(self, run: Run) -> list[str]:
        """Return half files that nobody owns any more."""
        return [path.name for path in (run.data / "uploads").iterdir()]


_DEPLOYMENT = "SELECT * FROM models_app_deployment WHERE name = ?"
_IMPORT = "SELECT * FROM models_app_operation WHERE kind = 'import' AND title = ?"
_VERIFY = (
    "SELECT o.state FROM models_app_operation o JOIN models_app_artifact a ON a.id = o.artifact_id"
    " JOIN models_app_languagemodel m ON m.id = a.model_id WHERE o.kind = 'verify' AND m.name = ?"
)
_MODEL = "SELECT * FROM models_app_languagemodel WHERE name = ?"
_ARTIFACTS = (
    "SELECT count(*) AS number FROM models_app_artifact a"
    " JOIN models_app_languagemodel m ON m.id = a.model_id WHERE m.name = ?"
)
_LIVE = (
    "SELECT r.state, v.number FROM models_app_replica r"
    " JOIN models_app_revision v ON v.id = r.revision_id"
    " JOIN models_app_deployment d ON d.id = r.deployment_id"
    " WHERE d.name = ? AND r.state != 'retired'"
)


def _nothing(_: Run) -> None:
    return


def _always(_: Run) -> bool:
    return True


def _import(run: Run) -> None:
    wisher.model(run.name, run.file())


def _import_upload(run: Run) -> None:
    """Import a file that the front door has received."""
    from django.conf import settings

    from models_app.domain.actors import SYSTEM
    from models_app.domain.uploads import UploadFolder
    from models_app.services.language_models import model_import

    folder, content = UploadFolder(settings.PATHS.uploads), Path(run.file()).read_bytes()
    upload = folder.begin(None, len(content), limit_bytes=len(content)).id
    folder.append(None, upload, 0, io.BytesIO(content))
    reference = {"upload": upload, "file_name": f"{run.name}.gguf"}
    model_import(SYSTEM, name=run.name, title=run.name, source="upload", reference=reference)


def _imported(run: Run) -> bool:
    is_done = run.one(_IMPORT).get("state") == "succeeded"
    return is_done and run.one(_ARTIFACTS)["number"] == 1 and _host_is_ready(run)


def _host_is_ready(run: Run) -> bool:
    return run.observer.rows("SELECT state FROM models_app_host") == [{"state": "ready"}]


def _import_and_cancel(run: Run) -> None:
    _import(run)
    wisher.cancel(run.name)


def _import_and_deploy_two(run: Run) -> None:
    _import_and_deploy(run, replicas=2)


def _serves_two(run: Run) -> bool:
    live = run.observer.rows(_LIVE, run.name)
    return [row["state"] for row in live] == ["ready"] * 2 and len(run.engines()) == 2


def _import_and_deploy(run: Run, replicas: int = 1) -> None:
    from models_app.domain.actors import SYSTEM
    from models_app.services.language_models import model_import

    wanted = {
        "name": run.name,
        "engine": "fake",
        "parameters": {"context_length": 256},
        "replicas": replicas,
    }
    reference = {"path": run.file()}
    model_import(
        SYSTEM,
        name=run.name,
        title=run.name,
        source="file",
        reference=reference,
        then_deploy=wanted,
    )


def _cancelled(run: Run) -> bool:
    return run.one(_IMPORT).get("state") == "cancelled"


def _is_verified(run: Run) -> bool:
    return run.one(_VERIFY).get("state") == "succeeded"


def _deploy(run: Run) -> None:
    wisher.deploy(run.name, run.name)


def _serves(run: Run, revision: int = 1) -> bool:
    live = run.observer.rows(_LIVE, run.name)
    is_ready = run.one(_DEPLOYMENT).get("state") == "ready"
    one_engine = [len(sessions) for sessions in run.engines().values()] == [1]
    return is_ready and one_engine and live == [{"state": "ready", "number": revision}]


def _is_stopped(run: Run) -> bool:
    return run.one(_DEPLOYMENT).get("state") == "stopped" and not run.engines()


def _is_gone(run: Run) -> bool:
    return not run.one(_DEPLOYMENT) and not run.engines()


def _kill_engine(run: Run) -> None:
    from models_app.models import Replica
    from models_app.services.wishes import look_now

    for workload in run.engines():
        for pid in run.observer.pids(workload):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        look_now(Replica.objects.exclude(state="retired").get(workload=workload))


def _is_back(run: Run) -> bool:
    attempts = run.observer.rows("SELECT max(attempts) AS most FROM models_app_replica")
    return _serves(run) and attempts[0]["most"] >= 1


def _is_removed(run: Run) -> bool:
    sha256 = {row["sha256"] for row in run.observer.rows("SELECT sha256 FROM models_app_artifact")}
    files = {path.name for path in (run.data / "models").rglob("*") if path.is_file()}
    return not run.one(_MODEL) and len(files) == len(sha256)


WORKFLOWS: Mapping[str, Workflow] = {
    "import": Workflow(_nothing, _always, _import, _imported),
    "upload": Workflow(_nothing, _always, _import_upload, _imported),
    "first-start": Workflow(_nothing, _always, _import_and_deploy, _serves),
    "start": Workflow(_import, _imported, _deploy, _serves),
    "cancel": Workflow(_nothing, _always, _import_and_cancel, _cancelled),
    "verify": Workflow(_import, _imported, lambda run: wisher.verify(run.name), _is_verified),
    "shrink": Workflow(
        _import_and_deploy_two,
        _serves_two,
        lambda run: wisher.scale(run.name, replicas=1),
        _serves,
    ),
    "stop": Workflow(
        _import_and_deploy, _serves, lambda run: wisher.WISHES["stop"](run.name), _is_stopped
    ),
    "roll": Workflow(
        _import_and_deploy,
        _serves,
        lambda run: wisher.revise(run.name, context_length=128),
        lambda run: _serves(run, 2),
    ),
    "recover": Workflow(_import_and_deploy, _serves, _kill_engine, _is_back),
    "delete": Workflow(_import_and_deploy, _serves, lambda run: wisher.delete(run.name), _is_gone),
    "remove": Workflow(_import, _imported, lambda run: wisher.remove_model(run.name), _is_removed),
}
