"""A small fleet for the page tests: one of everything, well or in some trouble."""

import re
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.utils import timezone

from models_app.domain.actors import SYSTEM
from models_app.domain.states import (
    DeploymentState,
    HostState,
    OperationState,
    PlacementState,
    ReplicaState,
    Role,
    Wish,
)
from models_app.models import (
    Alias,
    Deployment,
    GatewayKey,
    Host,
    HostModel,
    HostSample,
    LanguageModel,
    Operation,
    Replica,
    ReplicaSample,
    Usage,
    User,
)
from models_app.services.records import audit
from models_app.services.usage import usage_record_many
from tests import factories

HOSTILE = "<img src=x onerror=alert(1)>"


@dataclass
class Fleet:
    """What was made."""

    host: Host
    model: LanguageModel
    deployment: Deployment
    operation: Operation
    alias: Alias
    key: GatewayKey
    ollama: Host
    host_model: HostModel
    replicas: list[Replica] = field(default_factory=list)


def names_only() -> Any:
    """Return a fleet of names alone, to list the pages without a database."""
    thing = SimpleNamespace(name="x", public_id=UUID(int=0))
    kinds = ("deployment", "host", "model", "operation", "alias", "ollama", "host_model")
    key = SimpleNamespace(key_id="x")
    return SimpleNamespace(**dict.fromkeys(kinds, thing), key=key)


def make_fleet(state: str, *, text: str = "Plain text") -> Fleet:
    """Make one of everything: `well`, `failing`, `starting` or `stopped`."""
    is_bad = state == "failing"
    failure: dict[str, Any] = (
        {
            "failure_code": "NOT_ENOUGH_MEMORY",
            "failure_params": {
                "host": text,
                "needed_bytes": 5 << 30,
                "passed_over": {text: "NOT_ENOUGH_MEMORY"},
            },
            "failure_evidence": [text, "last line"],
        }
        if is_bad
        else {}
    )
    factories.make_engine()
    facts = factories.host_facts(cpu_model=text, warnings=[text])
    host = factories.make_host(
        "till-1",
        facts=facts,
        labels={"site": text},
        state=HostState.UNREACHABLE if is_bad else HostState.READY,
        **failure,
    )
    factories.make_host("till-2")
    model = factories.make_model("smollm2", title=text, description=text, licence=text)
    artifact = factories.make_artifact(model, file_name=text, quantization="Q4_1")
    factories.make_placement(artifact, host)
    factories.make_placement(factories.make_artifact(model), host, state=PlacementState.PLACING)
    deployment = _deployment(state, artifact, failure)
    replicas = [] if state == "stopped" else _replicas(state, deployment, host, failure)
    operation = factories.make_operation(
        title=text,
        model=model,
        state=OperationState.FAILED if is_bad else OperationState.RUNNING,
        finished_at=timezone.now() if is_bad else None,
        **failure,
    )
    _history(deployment, host, replicas, operation, text=text)
    alias = factories.make_alias("support", deployment)
    owner = User.objects.filter(name="alice").first() or factories.make_user("owner", Role.ADMIN)
    key = factories.make_gateway_key(owner, [deployment], name=text, aliases=[str(alias.public_id)])
    usage_record_many([factories.usage_record(deployment, key_id=key.pk, status="ENGINE_DIED")])
    ollama = factories.make_host("lan", runtime="ollama")
    host_model = factories.make_host_model(ollama, "tiny:1")
    _audited(owner, deployment, host)
    return Fleet(host, model, deployment, operation, alias, key, ollama, host_model, replicas)


def _deployment(state: str, artifact: Any, failure: dict[str, Any]) -> Deployment:
    states = {
        "well": DeploymentState.READY,
        "failing": DeploymentState.FAILED,
        "starting": DeploymentState.DEPLOYING,
        "stopped": DeploymentState.STOPPED,
    }
    row = factories.make_deployment(
        "chat",
        artifact=artifact,
        state=states[state],
        wish=Wish.STOPPED if state == "stopped" else Wish.RUNNING,
        placement={"hosts": ["till-1"]},
        **failure,
    )
    factories.make_revision(row, artifact=artifact, parameters={"context": 2048})
    return row


def _replicas(
    state: str, deployment: Deployment, host: Host, failure: dict[str, Any]
) -> list[Replica]:
    states = {
        "well": ReplicaState.READY,
        "failing": ReplicaState.FAILED,
        "starting": ReplicaState.STARTING,
    }
    live = [
        factories.make_replica(deployment, host, index=index, state=states[state], **failure)
        for index in range(2)
    ]
    factories.make_replica(deployment, host, index=5, state=ReplicaState.RETIRED)
    return live


def _history(
    deployment: Deployment, host: Host, replicas: list[Replica], operation: Operation, *, text: str
) -> None:
    factories.make_event(deployment, params={"by": text, "model": text, "engine": "llamacpp"})
    factories.make_event(host, "host.added", params={"by": text})
    factories.make_event(operation, "operation.begun", params={"by": text})
    for replica in replicas:
        params = {"replica": 0, "host": text, "failure": "ENGINE_EXITED", "exit_code": 1}
        factories.make_event(replica, "replica.failed", level="bad", params=params, evidence=[text])
        ReplicaSample.objects.create(
            replica=replica, at=timezone.now(), tokens_per_s=12.5, memory_bytes=1 << 28
        )
    HostSample.objects.create(
        host=host, at=timezone.now(), cpu_percent=5, memory_used_bytes=1, disk_used_bytes=1
    )
    Usage.objects.create(
        at=timezone.now(),
        deployment=deployment,
        route="chat",
        status="ok",
        first_token_ms=80,
        completion_tokens=20,
        duration_ms=900,
    )


def _audited(owner: User, deployment: Deployment, host: Host) -> None:
    """Write what the audit page must put into words: numbers, codes, lists, folders."""
    actor = factories.actor_of(owner)
    audit(actor, "deployment.scale", deployment, {"replicas_wished": [1, 2]})
    audit(actor, "user.set_up", owner, {"is_set_up": [False, True], "role": ["viewer", "admin"]})
    audit(actor, "host.edit", host, {"memory_budget_bytes": [None, 2 << 30], "labels": [{}, {}]})
    audit(SYSTEM, "token.create", None, {"scopes": [None, ["read", "operate"]]})


def posts_of(html: str) -> list[str]:
    """Return where the page's forms and buttons post to."""
    forms = re.findall(r"<form[^>]*>", html)
    posted = [form for form in forms if 'method="post"' in form]
    found = [(re.search(r'action="([^"]*)"', form) or [None, "profile"])[1] for form in posted]
    return [*found, *re.findall(r'hx-post="([^"]*)"', html)]
