"""The first page's questions: what is wrong comes first, and counts are right."""

from datetime import timedelta

from django.utils import timezone

from models_app.domain.states import DeploymentState, HostState, OperationState, ReplicaState
from models_app.models import User
from models_app.selectors import overview
from tests import factories
from tests.factories import GIB, actor_of, host_usage


def test_counts_of_an_empty_ledger_are_zero(charlie: User) -> None:
    counts = overview.fleet_counts(actor_of(charlie))
    assert counts.total("deployment") == counts.of("host", "ready") == 0


def test_counts_take_one_query(charlie: User, django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    factories.make_deployment(state=DeploymentState.FAILED)
    factories.make_deployment()
    factories.make_operation()
    factories.make_operation(state=OperationState.SUCCEEDED)
    factories.make_host(state=HostState.UNREACHABLE)
    with django_assert_num_queries(1):
        counts = overview.fleet_counts(actor_of(charlie))
    assert counts.total("deployment") == 2
    assert counts.of("deployment", "failed", "degraded") == 1
    assert counts.total("operation") == 1  # finished ones are history
    assert counts.total("host") == 1
    assert counts.total("model") == 2


def test_the_worst_deployment_comes_first_with_its_failure(charlie: User) -> None:
    factories.make_deployment("fine")
    degraded = factories.make_deployment("slow", state=DeploymentState.DEGRADED)
    failed = factories.make_deployment("broken", state=DeploymentState.FAILED)
    factories.make_replica(
        failed,
        state=ReplicaState.FAILED,
        failure_code="OUT_OF_MEMORY",
        failure_params={"needed_bytes": 5},
    )
    found = overview.troubled_deployments(actor_of(charlie))
    assert found == [failed, degraded]
    assert found[0].replica_failure_code == "OUT_OF_MEMORY"
    assert found[0].replica_failure_params == {"needed_bytes": 5}
    assert found[1].replica_failure_code is None


def test_silent_hosts_come_first_then_the_fullest(charlie: User) -> None:
    factories.make_host("roomy")
    factories.make_host("new", usage={}, facts={}, state=HostState.PENDING)
    factories.make_host("full", usage=host_usage(memory_used_bytes=15 * GIB))
    factories.make_host("away", state=HostState.UNREACHABLE)
    found = overview.hosts_by_need(actor_of(charlie))
    assert [host.name for host in found] == ["away", "full", "roomy", "new"]


def test_old_failures_of_operations_stop_asking_for_attention(charlie: User) -> None:
    now = timezone.now()
    running = factories.make_operation()
    factories.make_operation(state=OperationState.SUCCEEDED, finished_at=now)
    failed = factories.make_operation(state=OperationState.FAILED, finished_at=now)
    factories.make_operation(state=OperationState.FAILED, finished_at=now - timedelta(days=2))
    assert overview.current_operations(actor_of(charlie)) == [failed, running]


def test_what_runs_where_is_told_in_one_query(charlie: User, django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    one, two = factories.make_host("one"), factories.make_host("two")
    idle = factories.make_host("idle")
    chat = factories.make_deployment("chat")
    broken = factories.make_deployment("zz", state=DeploymentState.FAILED)
    for index, host in enumerate((one, one, two)):
        factories.make_replica(chat, host, index=index)
    factories.make_replica(broken, one)
    factories.make_replica(chat, two, index=9, state=ReplicaState.RETIRED)
    with django_assert_num_queries(1):
        hosts = {host.pk: host for host in overview.hosts_by_need(actor_of(charlie))}
        found = {key: overview.served_on(host) for key, host in hosts.items()}
    assert found[one.pk] == [
        overview.Served("zz", DeploymentState.FAILED, 1),
        overview.Served("chat", DeploymentState.READY, 2),
    ]
    assert found[two.pk] == [overview.Served("chat", DeploymentState.READY, 1)]
    assert found[idle.pk] == []
