"""What a replica asks of its engine, and the spec and probe that the engine makes of it."""

from django.conf import settings

from models_app.domain.failures import FailureCode, fail
from models_app.domain.specs import HostFacts, ProbeSpec, ServeRequest, WorkloadSpec, owner_labels
from models_app.models import Replica
from workers.engines.base import Engine
from workers.reconcilers.runtimes import artifact_facts, artifact_ref


def request_of(replica: Replica) -> ServeRequest:
    """Return what a replica asks for, as the engines read it."""
    revision, deployment = replica.revision, replica.deployment
    return ServeRequest(
        workload=replica.workload,
        alias=deployment.name,
        artifact=artifact_ref(revision.artifact),
        facts=artifact_facts(revision.artifact),
        parameters=revision.parameters,
        memory_bytes=replica.predicted_bytes,
        owner=owner_labels(
            instance=settings.INSTANCE_ID,
            deployment=str(deployment.public_id),
            replica=str(replica.public_id),
        ),
    )


def spec_of(replica: Replica, engine: Engine, facts: HostFacts) -> WorkloadSpec:
    """Return what to start. Raises FailureError for what the engine cannot do there."""
    request = request_of(replica)
    problems = engine.check(request, facts)
    if problems:
        raise fail(FailureCode(problems[0].code), **problems[0].params)
    return engine.plan(request, facts)


def probe_of(replica: Replica, engine: Engine, facts: HostFacts) -> ProbeSpec:
    """Return how to find out whether it serves."""
    return engine.probe(engine.plan(request_of(replica), facts))
