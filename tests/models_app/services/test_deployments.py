"""Wishing for deployments: what is written, what is refused, and by whom."""

import pytest

from models_app.domain.errors import (
    ConflictError,
    InvalidError,
    NotAllowedError,
    NotFoundError,
    SlipwayError,
)
from models_app.domain.states import ArtifactState, ReplicaState, Wish
from models_app.models import AuditEntry, Deployment, Event, OutboxEntry, User
from models_app.notify.workers import RECONCILE_DEPLOYMENT
from models_app.services import deployments as services
from tests.factories import (
    actor_of,
    make_artifact,
    make_deployment,
    make_engine,
    make_host,
    make_replica,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def engine() -> None:
    make_engine()


def test_creating_writes_the_wish_the_audit_the_event_and_the_nudge(bob: User) -> None:
    artifact = make_artifact()
    row = services.deployment_create(
        actor_of(bob), name="support-chat", engine="llamacpp", artifact=artifact, replicas=2
    )
    assert (row.wish, row.replicas_wished) == (Wish.RUNNING, 2)
    assert services.wished_revision(row).number == 1
    assert AuditEntry.objects.get(action="deployment.create").actor == bob
    assert Event.objects.get(code="deployment.created").deployment_id == row.public_id
    assert OutboxEntry.objects.filter(task=RECONCILE_DEPLOYMENT, row_id=row.pk).exists()
    row.refresh_from_db()
    assert row.next_action_at is not None


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"name": "../etc"}, "NAME_INVALID", "name"),
        ({"name": "Upper"}, "NAME_INVALID", "name"),
        ({"engine": "vllm"}, "ENGINE_UNKNOWN", "engine"),
        ({"replicas": 65}, "REPLICAS_OUT_OF_RANGE", "replicas"),
        ({"replicas": -1}, "REPLICAS_OUT_OF_RANGE", "replicas"),
        ({"parameters": {"privileged": True}}, "PARAMETERS_INVALID", "parameters.privileged"),
        (
            {"parameters": {"context_length": "4096"}},
            "PARAMETERS_INVALID",
            "parameters.context_length",
        ),
        (
            {"parameters": {"context_length": 1}},
            "PARAMETERS_INVALID",
            "parameters.context_length",
        ),
        (
            {"parameters": {"context_length": 65_536}},
            "CONTEXT_TOO_LARGE",
            "parameters.context_length",
        ),
        ({"placement": {"hosts": ["nowhere"]}}, "HOST_UNKNOWN", "placement.hosts"),
        ({"placement": {"hosts": [{"a": 1}]}}, "PLACEMENT_INVALID", "placement"),
        ({"placement": {"mounts": ["/"]}}, "PLACEMENT_INVALID", "placement"),
        ({"placement": {"policy": "random"}}, "PLACEMENT_INVALID", "placement"),
    ],
)
def test_bad_input_is_refused_and_nothing_half_made_stays(
    bob: User, changes: dict[str, object], code: str, field: str
) -> None:
    wish: dict[str, object] = {
        "name": "chat",
        "engine": "llamacpp",
        "artifact": make_artifact(),
    } | changes
    with pytest.raises(SlipwayError) as caught:
        services.deployment_create(actor_of(bob), **wish)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert field in caught.value.fields
    assert isinstance(caught.value, InvalidError)
    assert not Deployment.objects.exists()
    assert not OutboxEntry.objects.exists()


def test_a_name_is_taken_once(bob: User) -> None:
    make_deployment("chat")
    with pytest.raises(ConflictError) as caught:
        services.deployment_create(
            actor_of(bob), name="chat", engine="llamacpp", artifact=make_artifact()
        )
    assert caught.value.code == "NAME_TAKEN"


def test_a_viewer_may_look_and_not_touch(charlie: User) -> None:
    row = make_deployment()
    actor = actor_of(charlie)
    with pytest.raises(NotAllowedError):
        services.deployment_create(actor, name="chat", engine="llamacpp", artifact=make_artifact())
    with pytest.raises(NotAllowedError):
        services.deployment_stop(actor, row, version=None)
    with pytest.raises(NotAllowedError):
        services.deployment_delete(actor, row, version=None)


def test_only_a_ready_artifact_can_be_wished_for(bob: User) -> None:
    artifact = make_artifact(state=ArtifactState.CORRUPT)
    with pytest.raises(ConflictError) as caught:
        services.deployment_create(actor_of(bob), name="chat", engine="llamacpp", artifact=artifact)
    assert caught.value.code == "ARTIFACT_NOT_READY"


def test_revising_keeps_the_old_revision_and_rolling_back_chooses_it_again(bob: User) -> None:
    row = make_deployment()
    actor = actor_of(bob)
    new = services.deployment_revise(
        actor, row, version=row.version, parameters={"context_length": 2048}
    )
    assert (new.number, services.wished_revision(row).pk) == (2, new.pk)
    services.deployment_roll_back(actor, row, version=row.version, number=1)
    assert services.wished_revision(row).number == 1
    assert row.revisions.count() == 2
    assert row.generation == 3
    with pytest.raises(NotFoundError):
        services.deployment_roll_back(actor, row, version=row.version, number=9)


def test_a_stale_version_changes_nothing(bob: User) -> None:
    row = make_deployment()
    seen = row.version
    services.deployment_scale(actor_of(bob), row, version=seen, replicas=3)
    with pytest.raises(ConflictError) as caught:
        services.deployment_scale(actor_of(bob), row, version=seen, replicas=5)
    assert caught.value.code == "STALE"
    row.refresh_from_db()
    assert row.replicas_wished == 3
    assert AuditEntry.objects.get(action="deployment.scale").changes == {"replicas_wished": [1, 3]}


def test_scaling_to_the_same_number_leaves_no_trace(bob: User) -> None:
    row = make_deployment(replicas_wished=2)
    services.deployment_scale(actor_of(bob), row, version=None, replicas=2)
    row.refresh_from_db()
    assert (row.version, row.generation) == (1, 1)
    assert not Event.objects.exists()
    assert not AuditEntry.objects.exists()


def test_deleting_is_a_wish_and_bars_every_other(bob: User) -> None:
    row = make_deployment()
    services.deployment_delete(actor_of(bob), row, version=None)
    assert Deployment.objects.get(pk=row.pk).wish == Wish.DELETED
    with pytest.raises(ConflictError) as caught:
        services.deployment_start(actor_of(bob), row, version=None)
    assert caught.value.code == "BEING_DELETED"


def test_retrying_takes_the_waiting_out_of_their_backoff(bob: User) -> None:
    replica = make_replica(state=ReplicaState.FAILED, attempts=5, failure_code="PORT_IN_USE")
    services.deployment_retry(actor_of(bob), replica.deployment, version=None)
    replica.refresh_from_db()
    assert (replica.state, replica.attempts, replica.failure_code) == (ReplicaState.PENDING, 0, "")


def test_a_named_host_must_exist(bob: User) -> None:
    make_host("shop")
    row = services.deployment_create(
        actor_of(bob),
        name="chat",
        engine="llamacpp",
        artifact=make_artifact(),
        placement={"hosts": ["shop"]},
    )
    assert services.wished_revision(row).placement == {"hosts": ["shop"]}
