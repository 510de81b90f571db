"""Every list and get: finds by id and name, filters, counts, and stays at few queries."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from models_app.domain.errors import InvalidError, NotFoundError
from models_app.domain.states import (
    ArtifactState,
    DeploymentState,
    HostState,
    OperationState,
    ReplicaState,
    Scheduling,
)
from models_app.models import User
from models_app.selectors import (
    deployments,
    events,
    hosts,
    language_models,
    operations,
)
from tests import factories
from tests.factories import MIB, actor_of


def names(rows):  # type: ignore[no-untyped-def]
    return [row.name for row in rows]


def test_a_deployment_is_found_by_id_and_by_name(charlie: User) -> None:
    actor, row = actor_of(charlie), factories.make_deployment("chat")
    assert deployments.deployment_get(actor, "chat") == row
    assert deployments.deployment_get(actor, str(row.public_id)) == row
    for ref in ("other", uuid.uuid4(), "../etc", ""):
        with pytest.raises(NotFoundError):
            deployments.deployment_get(actor, ref)


def test_deployments_are_filtered_and_counted_without_retired_replicas(charlie: User) -> None:
    actor, host = actor_of(charlie), factories.make_host()
    chat = factories.make_deployment("chat")
    factories.make_deployment("search", state=DeploymentState.FAILED)
    factories.make_replica(chat, host, index=0)
    factories.make_replica(chat, index=1, state=ReplicaState.STARTING)
    factories.make_replica(chat, host, index=2, state=ReplicaState.RETIRED)
    rows = {row.name: row for row in deployments.deployments_visible(actor)}
    assert (rows["chat"].replicas_live, rows["chat"].replicas_ready) == (2, 1)
    assert (rows["search"].replicas_live, rows["search"].replicas_ready) == (0, 0)
    assert names(deployments.deployments_visible(actor, state="failed")) == ["search"]
    assert names(deployments.deployments_visible(actor, search="CHA")) == ["chat"]
    assert names(deployments.deployments_visible(actor, host=host)) == ["chat"]
    live = deployments.replicas_visible(actor, deployment=chat)
    assert [r.index for r in live] == [0, 1]
    assert len(deployments.replicas_visible(actor, deployment=chat, retired=True)) == 3


def test_revisions_are_found_by_number(charlie: User) -> None:
    actor, row = actor_of(charlie), factories.make_deployment()
    second = factories.make_revision(row)
    assert deployments.revision_get(actor, row, 2) == second
    assert [r.number for r in deployments.revisions_visible(actor, row)] == [2, 1]
    with pytest.raises(NotFoundError):
        deployments.revision_get(actor, row, 3)


def test_engines_for_tests_are_hidden_unless_asked_for_and_come_last(charlie: User) -> None:
    actor = actor_of(charlie)
    factories.make_engine()
    factories.make_engine("fake", for_tests=True)
    assert [e.key for e in deployments.engines_visible(actor)] == ["llamacpp"]
    assert [e.key for e in deployments.engines_visible(actor, for_tests=True)] == [
        "llamacpp",
        "fake",
    ]
    with pytest.raises(NotFoundError):
        deployments.engine_get(actor, "nothing")


def test_hosts_carry_their_memory_figures(charlie: User) -> None:
    actor = actor_of(charlie)
    host = factories.make_host("shop", labels={"site": "rome"})
    factories.make_host("away", state=HostState.UNREACHABLE, scheduling=Scheduling.CORDONED)
    growing = {"predicted_bytes": 300 * MIB, "memory_bytes": 100 * MIB}
    over = {"predicted_bytes": 100 * MIB, "memory_bytes": 150 * MIB}
    unknown = {"predicted_bytes": None, "memory_bytes": None}
    for fields in (growing, over, unknown):
        factories.make_replica(host=host, **fields)
    factories.make_replica(host=host, state=ReplicaState.RETIRED)
    found = hosts.host_get(actor, "shop")
    assert (found.replicas_live, found.ours_bytes, found.promised_bytes) == (
        3,
        250 * MIB,
        200 * MIB,
    )
    assert names(hosts.hosts_visible(actor, state="unreachable")) == ["away"]
    assert names(hosts.hosts_visible(actor, scheduling="cordoned")) == ["away"]
    assert names(hosts.hosts_visible(actor, search="sho")) == ["away", "shop"]  # hostname: shop
    assert names(hosts.hosts_visible(actor, label=("site", "rome"))) == ["shop"]
    assert names(hosts.hosts_visible(actor, label=("site__x", "rome"))) == []


def test_models_come_with_artifacts_and_their_use(charlie: User) -> None:
    actor = actor_of(charlie)
    model = factories.make_model("smollm2", tier="micro")
    factories.make_model("qwen", tier="small", family="qwen2")
    small = factories.make_artifact(model, size_bytes=10)
    factories.make_artifact(model, size_bytes=20, state=ArtifactState.CORRUPT)
    factories.make_placement(small)
    factories.make_deployment(artifact=small)
    factories.make_deployment(artifact=small)
    found = language_models.model_get(actor, "smollm2")
    assert found.deployments_count == 2
    assert [(a.deployments_count, a.placements_count) for a in found.artifacts.all()] == [
        (2, 1),
        (0, 0),
    ]
    assert names(language_models.models_visible(actor, tier="small")) == ["qwen"]
    assert names(language_models.models_visible(actor, search="LLM2")) == ["smollm2"]
    assert names(language_models.models_visible(actor, family="qwen2")) == ["qwen"]
    assert language_models.artifact_get(actor, small.sha256 or "") == small
    assert [p.artifact for p in language_models.placements_visible(actor, model=model)] == [small]
    assert not language_models.placements_visible(actor, state="failed")


def test_operations_unfinished_and_by_kind(charlie: User) -> None:
    actor = actor_of(charlie)
    running = factories.make_operation()
    done = factories.make_operation("verify", state=OperationState.SUCCEEDED)
    assert list(operations.operations_visible(actor)) == [done, running]
    assert list(operations.operations_visible(actor, state="unfinished")) == [running]
    assert list(operations.operations_visible(actor, kind="verify")) == [done]
    assert operations.operation_get(actor, done.public_id) == done


def test_events_of_an_object_and_the_names_in_them(charlie: User) -> None:
    actor, replica = actor_of(charlie), factories.make_replica()
    factories.make_event(replica, "replica.ready", level="good")
    factories.make_event(replica.host, "host.ready")
    rows = list(events.events_visible(actor, deployment=replica.deployment.public_id))
    assert [row.code for row in rows] == ["replica.ready"]
    assert [e.code for e in events.events_visible(actor, code="host.")] == ["host.ready"]
    assert [e.code for e in events.history_of(actor, replica.host)] == ["host.ready"]
    found = events.names_of(actor, rows)
    assert found[replica.public_id] == replica.workload
    assert found[replica.deployment.public_id] == replica.deployment.name
    assert found[replica.host.public_id] == replica.host.name


@pytest.mark.parametrize("rows", [2, 9])
def test_lists_take_the_same_few_queries_however_long(charlie: User, rows: int) -> None:
    actor = actor_of(charlie)
    for _ in range(rows):
        replica = factories.make_replica()
        factories.make_placement(replica.revision.artifact, replica.host)
        factories.make_operation(model=replica.revision.artifact.model, host=replica.host)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for deployment in deployments.deployments_visible(actor):
            assert deployment.revision
            assert deployment.revision.artifact.model.name
        for seen in deployments.replicas_visible(actor):
            assert seen.host.name
            assert seen.revision.artifact.model.name
        assert all(host.replicas_live == 1 for host in hosts.hosts_visible(actor))
        for model in language_models.models_visible(actor):
            assert all(a.placements_count == 1 for a in model.artifacts.all())
        for operation in operations.operations_visible(actor):
            assert operation.model
            assert operation.host
    assert len(queries) == 6, [q["sql"][:80] for q in queries]


def test_an_unknown_chart_range_is_refused() -> None:
    from models_app.selectors.time_buckets import span_of

    with pytest.raises(InvalidError):
        span_of("3y")
