"""A process that wishes: reads one JSON wish a line, answers when the ledger has acknowledged it.

Run as `python -m tests.faults.wisher` with SLIPWAY_DATA set: a front door of one line, so that the
faults can be tried on the hands alone and a wish costs milliseconds.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main() -> None:
    """Answer wishes until the input ends."""
    import django

    django.setup()
    _answer({"ready": True})
    for line in sys.stdin:
        wanted = json.loads(line)
        try:
            answer = {"done": WISHES[wanted.pop("wish")](**wanted)}
        except Exception as error:  # noqa: BLE001 - whatever it was, the test shall read it
            answer = {"refused": f"{type(error).__name__}: {error}"}
        _answer(answer)


def _answer(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def host() -> str:
    """Make sure that this machine is a host."""
    from models_app.domain.actors import SYSTEM
    from models_app.models import Host
    from models_app.services.hosts import host_add

    known = Host.objects.first()
    return (known or host_add(SYSTEM, name="here", runtime="process")).name


def remove_this_machine() -> None:
    """Take this machine out of the hosts."""
    from models_app.domain.actors import SYSTEM
    from models_app.models import Host
    from models_app.services.hosts import host_remove

    host_remove(SYSTEM, Host.objects.get(runtime="process"), version=None)


def model(name: str, path: str) -> str:
    """Import a file."""
    from models_app.domain.actors import SYSTEM
    from models_app.services.language_models import model_import

    return str(
        model_import(SYSTEM, name=name, source="file", reference={"path": path}, title=name).pk
    )


def bundled(name: str) -> str:
    """Import the model that comes as a package."""
    from models_app.domain.actors import SYSTEM
    from models_app.services.language_models import model_import

    reference = {"key": "smollm2-135m-instruct"}
    return str(
        model_import(SYSTEM, name=name, source="bundled", reference=reference, title=name).pk
    )


def deploy(
    name: str,
    model: str,
    engine: str = "fake",
    replicas: int = 1,
    placement: dict[str, Any] | None = None,
    **parameters: Any,
) -> str:
    """Wish for a deployment of the model's artifact."""
    from models_app.domain.actors import SYSTEM
    from models_app.models import Artifact
    from models_app.services.deployments import deployment_create

    artifact = Artifact.objects.get(model__name=model)
    return deployment_create(
        SYSTEM,
        name=name,
        engine=engine,
        artifact=artifact,
        replicas=replicas,
        parameters={"context_length": 256, **parameters},
        placement=placement,
    ).name


def scale(name: str, replicas: int) -> None:
    """Wish for another number of replicas."""
    from models_app.domain.actors import SYSTEM
    from models_app.models import Deployment
    from models_app.services.deployments import deployment_scale

    row = Deployment.objects.get(name=name)
    deployment_scale(SYSTEM, row, version=None, replicas=replicas)


def revise(name: str, **parameters: Any) -> None:
    """Wish for a new revision."""
    from models_app.domain.actors import SYSTEM
    from models_app.models import Deployment
    from models_app.services.deployments import deployment_revise

    row = Deployment.objects.get(name=name)
    deployment_revise(SYSTEM, row, version=None, parameters=parameters)


def _simple(service: str) -> Callable[..., None]:
    def act(name: str) -> None:
        from models_app.domain.actors import SYSTEM
        from models_app.models import Deployment
        from models_app.services import deployments

        getattr(deployments, service)(SYSTEM, Deployment.objects.get(name=name), version=None)

    return act


delete = _simple("deployment_delete")


def send(task: str, row: int, times: int = 1, countdown: float = 0.0) -> None:
    """Put messages on the broker, as many and as late as wished."""
    from celery import current_app

    for _ in range(times):
        current_app.send_task(task, args=[row], countdown=countdown, expires=120, retry=False)


def token() -> str:
    """Return a token of the first admin, for the front door's own wishes."""
    from models_app.domain.actors import Actor
    from models_app.domain.states import Role
    from models_app.models import User
    from models_app.services.tokens import token_create

    admin = User.objects.get(role=Role.ADMIN)
    User.objects.filter(pk=admin.pk).update(is_set_up=True)
    actor = Actor(admin.pk, admin.name, Role.ADMIN, "system")
    return token_create(actor, name="faults", scopes=["admin"])[1]


def cancel(title: str) -> None:
    """Cancel the import of that title."""
    from models_app.domain.actors import SYSTEM
    from models_app.models import Operation
    from models_app.services.operations import operation_cancel

    operation_cancel(SYSTEM, Operation.objects.get(kind="import", title=title))


def verify(model: str) -> None:
    """Have the model's file read again."""
    from models_app.domain.actors import SYSTEM
    from models_app.models import Artifact
    from models_app.services.language_models import artifact_verify

    artifact_verify(SYSTEM, Artifact.objects.get(model__name=model))


def wipe() -> None:
    """Empty the broker of everything it holds."""
    import redis
    from django.conf import settings

    redis.Redis.from_url(settings.BROKER_URL).flushall()


def remove_model(name: str) -> None:
    """Delete a model with its artifact."""
    from models_app.domain.actors import SYSTEM
    from models_app.models import LanguageModel
    from models_app.services.language_models import model_delete

    model_delete(SYSTEM, LanguageModel.objects.get(name=name), version=None)


WISHES: dict[str, Callable[..., Any]] = {
    "host": host,
    "model": model,
    "bundled": bundled,
    "deploy": deploy,
    "scale": scale,
    "revise": revise,
    "stop": _simple("deployment_stop"),
    "start": _simple("deployment_start"),
    "delete": delete,
    "send": send,
    "wipe": wipe,
    "token": token,
    "remove_model": remove_model,
    "remove_this_machine": remove_this_machine,
}


def small_model(folder: Path) -> Path:
    """Write a tiny, well-formed model file; the fake engine asks no more of it."""
    from tests.gguf_files import write_gguf

    return write_gguf(folder / "tiny.gguf")


if __name__ == "__main__":
    main()
