"""Writes and takes away the demo as a whole, small and pretty or large and plain."""

import random

from django.db import transaction

from models_app.domain.actors import Actor
from models_app.domain.errors import ConflictError
from models_app.domain.states import Role
from models_app.models import (
    Artifact,
    Deployment,
    Event,
    Host,
    LanguageModel,
    Operation,
    Replica,
)
from models_app.services.demo.deployments import deployments_add
from models_app.services.demo.gateway import gateway_add, gateway_clear
from models_app.services.demo.hosts import RUNTIME, hosts_add
from models_app.services.demo.large import large_fleet_add
from models_app.services.demo.models import SOURCE, engine_ensure, models_add
from models_app.services.demo.samples import samples_add
from models_app.services.demo.stories import Storyteller, operations_add, stories_add
from models_app.services.records import audit


@transaction.atomic
def demo_seed(actor: Actor, *, seed: int = 7) -> dict[str, int]:
    """Write the small fleet; return how many of each there are. Raises ConflictError when there."""
    _check_absent(actor)
    artifacts = models_add()
    hosts = hosts_add()
    deployments = deployments_add(artifacts, hosts, engine_ensure())
    teller = Storyteller()
    stories_add(teller, deployments, hosts)
    operations_add(teller, artifacts)
    teller.write()
    replicas = list(Replica.objects.filter(host__runtime=RUNTIME))
    chance = random.Random(seed)  # noqa: S311 - a demo
    samples_add(list(hosts.values()), replicas, chance)
    gateway_add(deployments, chance)
    audit(actor, "demo.seed", None)
    return {"hosts": len(hosts), "deployments": len(deployments), "replicas": len(replicas)}


@transaction.atomic
def demo_seed_large(actor: Actor, *, hosts: int, replicas: int, seed: int = 7) -> dict[str, int]:
    """Write a large fleet for measuring; return how many of each there are."""
    _check_absent(actor)
    artifacts = [row for rows in models_add().values() for row in rows]
    made = large_fleet_add(
        artifacts,
        engine_ensure(),
        hosts=hosts,
        replicas=replicas,
        chance=random.Random(seed),  # noqa: S311 - a demo
    )
    audit(actor, "demo.seed", None, {"hosts": [0, hosts], "replicas": [0, replicas]})
    return made


@transaction.atomic
def demo_clear(actor: Actor) -> None:
    """Take every row of the demo away; what people made themselves stays."""
    actor.require(Role.ADMIN)
    models = LanguageModel.objects.filter(source_kind=SOURCE)
    artifacts = Artifact.objects.filter(model__in=models)
    deployments = Deployment.objects.filter(revisions__artifact__in=artifacts).distinct()
    ids = [*deployments.values_list("public_id", flat=True)]
    Event.objects.filter(deployment_id__in=ids).delete()
    hosts = Host.objects.filter(runtime=RUNTIME)
    Event.objects.filter(host_id__in=hosts.values("public_id")).delete()
    Replica.objects.filter(host__in=hosts).delete()
    keys = list(deployments.values_list("pk", flat=True))
    gateway_clear(keys)
    Deployment.objects.filter(pk__in=keys).update(revision=None)
    Deployment.objects.filter(pk__in=keys).delete()
    operations = Operation.objects.filter(actor=None, kind="import", parameters={})
    Event.objects.filter(subject_id__in=operations.values("public_id")).delete()
    operations.delete()
    hosts.delete()
    artifacts.delete()
    models.delete()
    audit(actor, "demo.clear", None)


def _check_absent(actor: Actor) -> None:
    actor.require(Role.ADMIN)
    if Host.objects.filter(runtime=RUNTIME).exists():
        raise ConflictError("DEMO_EXISTS")
