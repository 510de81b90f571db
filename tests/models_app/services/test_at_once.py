"""Two changes at the same moment end as one after the other would, on SQLite and PostgreSQL alike.

Each case lets both sides read the row before either writes: what they check must be read again.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection

from models_app.domain.actors import SYSTEM
from models_app.domain.errors import SlipwayError
from models_app.domain.states import OperationState, Role, Wish
from models_app.models import Artifact, Deployment, Host, LanguageModel, Operation, Revision, User
from models_app.services import deployments, hosts, instance, language_models, operations, people
from models_app.services.aliases import Share, alias_create
from models_app.services.leases import lease_take
from models_app.services.observed.operations import operation_end
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

DONE = "done"
revise = deployments.deployment_revise
TRIES = 3


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Do all at the same moment; return, sorted, `done` or the code of what was refused."""
    barrier = threading.Barrier(len(acts))
    outcomes: list[str] = []

    def act_on_cue(act: Callable[[], object]) -> None:
        barrier.wait(30)
        try:
            act()
            outcomes.append(DONE)
        except SlipwayError as error:
            outcomes.append(error.code)
        except Exception as error:  # noqa: BLE001 - whatever it was, the test shall name it
            outcomes.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=act_on_cue, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(outcomes)


def of(row: Any) -> Any:
    """Return a row as somebody else has read it."""
    return type(row)._default_manager.get(pk=row.pk)


@pytest.mark.parametrize("n", range(TRIES))
def test_two_revisions_get_two_numbers(n: int) -> None:
    row = factories.make_deployment()
    factories.make_engine()
    acts = [
        partial(revise, SYSTEM, of(row), version=None, parameters={"context_length": context})
        for context in (512, 1024)
    ]
    assert at_once(*acts) == [DONE, DONE]
    assert sorted(Revision.objects.values_list("number", flat=True)) == [1, 2, 3]


@pytest.mark.parametrize("n", range(TRIES))
def test_of_two_who_saw_the_same_version_one_is_refused(n: int) -> None:
    factories.make_engine()
    deployment, model = factories.make_deployment(), factories.make_model()
    seen = [of(deployment), of(deployment)]
    acts = [
        partial(deployments.deployment_scale, SYSTEM, row, version=1, replicas=to)
        for row, to in zip(seen, (2, 3), strict=True)
    ]
    assert at_once(*acts) == ["STALE", DONE]
    edits = [
        partial(language_models.model_edit, SYSTEM, of(model), version=1, title=to)
        for to in ("One", "Two")
    ]
    assert at_once(*edits) == ["STALE", DONE]
    assert LanguageModel.objects.get(pk=model.pk).version == 2
    rules = [
        partial(instance.instance_settings_edit, SYSTEM, version=1, metrics_days=days)
        for days in (10, 11)
    ]
    instance.instance_settings_edit(SYSTEM, version=None, metrics_days=9)
    assert at_once(*rules) == ["STALE", "STALE"]


@pytest.mark.parametrize("n", range(TRIES))
@pytest.mark.parametrize("act", ["deployment_start", "deployment_stop", "deployment_retry"])
def test_what_is_deleted_stays_deleted(n: int, act: str) -> None:
    row = factories.make_deployment(wish=Wish.STOPPED if act.endswith("start") else Wish.RUNNING)
    mine, yours = of(row), of(row)
    outcomes = at_once(
        lambda: deployments.deployment_delete(SYSTEM, mine, version=None),
        lambda: getattr(deployments, act)(SYSTEM, yours, version=None),
    )
    assert outcomes in ([DONE, DONE], ["BEING_DELETED", DONE])
    assert Deployment.objects.get(pk=row.pk).wish == Wish.DELETED


@pytest.mark.parametrize("n", range(TRIES))
def test_what_has_ended_is_not_cancelled(n: int) -> None:
    operation = factories.make_operation(state=OperationState.RUNNING)
    lease = lease_take(Operation, operation.pk, "hands")
    assert lease is not None
    mine, yours = of(operation), of(operation)
    outcomes = at_once(
        lambda: operations.operation_cancel(SYSTEM, mine),
        lambda: operation_end(lease, yours, OperationState.SUCCEEDED),
    )
    assert Operation.objects.get(pk=operation.pk).state == OperationState.SUCCEEDED, outcomes


@pytest.mark.parametrize("n", range(TRIES))
def test_the_same_import_begins_once(n: int) -> None:
    wanted: dict[str, Any] = {"source": "bundled", "reference": {"key": "smollm2-135m-instruct"}}
    acts = [lambda: language_models.model_import(SYSTEM, name="tiny", **wanted)] * 3
    assert at_once(*acts) == ["IMPORT_RUNNING", "IMPORT_RUNNING", DONE]
    assert Operation.objects.count() == LanguageModel.objects.count() == 1


@pytest.mark.parametrize("n", range(TRIES))
def test_a_host_is_drained_once(n: int) -> None:
    host = factories.make_host()
    seen = [of(host), of(host)]
    acts = [partial(hosts.host_drain, SYSTEM, row, version=None) for row in seen]
    assert at_once(*acts) == [DONE, DONE]
    assert Operation.objects.count() == 1


@pytest.mark.parametrize("n", range(TRIES))
def test_labels_set_at_once_are_all_set(n: int) -> None:
    host = factories.make_host()
    acts = [
        partial(hosts.host_label, SYSTEM, of(host), labels={key: "yes"})
        for key in ("rack", "site", "gpu-room")
    ]
    assert at_once(*acts) == [DONE] * 3
    assert set(Host.objects.get(pk=host.pk).labels) == {"rack", "site", "gpu-room"}


@pytest.mark.parametrize("n", range(TRIES))
def test_a_name_is_given_once(n: int) -> None:
    first, second = factories.make_host(), factories.make_host()
    acts = [
        partial(hosts.host_edit, SYSTEM, of(row), version=None, name="attic")
        for row in (first, second)
    ]
    assert at_once(*acts) == ["NAME_TAKEN", DONE]
    add = [lambda: hosts.host_add(SYSTEM, name="shed", runtime="docker")] * 2
    assert at_once(*add) == ["NAME_TAKEN", DONE]
    factories.make_engine()
    artifact = factories.make_artifact()
    target = factories.make_deployment().name
    mixed = (
        lambda: alias_create(SYSTEM, name="chat", targets=[Share(target)]),
        lambda: deployments.deployment_create(
            SYSTEM, name="chat", engine="llamacpp", artifact=of(artifact)
        ),
    )
    assert at_once(*mixed) == ["NAME_TAKEN", DONE]


@pytest.mark.parametrize("n", range(TRIES))
def test_this_machine_is_added_once(n: int) -> None:
    acts = [
        partial(hosts.host_add, SYSTEM, name=name, runtime="process")
        for name in ("here", "also-here")
    ]
    assert at_once(*acts) == ["PROCESS_HOST_EXISTS", DONE]


@pytest.mark.parametrize("n", range(TRIES))
def test_what_is_being_deleted_is_not_deployed(n: int) -> None:
    factories.make_engine()
    artifact = factories.make_artifact()
    mine, yours = of(artifact), of(artifact)
    outcomes = at_once(
        lambda: language_models.artifact_delete(SYSTEM, mine, version=None),
        lambda: deployments.deployment_create(
            SYSTEM, name="chat", engine="llamacpp", artifact=yours
        ),
    )
    assert outcomes in (["ARTIFACT_NOT_READY", DONE], ["MODEL_IN_USE", DONE])


@pytest.mark.parametrize("n", range(TRIES))
def test_an_artifact_is_removed_by_one_operation(n: int) -> None:
    artifact = factories.make_artifact()
    seen = [of(artifact), of(artifact)]
    acts = [partial(language_models.artifact_delete, SYSTEM, row, version=None) for row in seen]
    assert at_once(*acts) == [DONE, DONE]
    assert Operation.objects.count() == 1
    assert Artifact.objects.get().state == "removing"


@pytest.mark.parametrize("n", range(TRIES))
def test_an_admin_always_remains(n: int) -> None:
    rows = [factories.make_user(role=Role.ADMIN) for _ in range(3)]
    acts = [
        partial(people.user_delete, factories.actor_of(by), of(whom), version=None)
        for by, whom in zip(rows, rows[1:] + rows[:1], strict=True)
    ]
    outcomes = at_once(*acts)
    assert set(outcomes) <= {"LAST_ADMIN", "NOT_ALLOWED", "STALE", DONE}
    left = User.objects.filter(role=Role.ADMIN, is_active=True).count()
    assert left == 3 - outcomes.count(DONE) >= 1
