"""The database holds what must be true by itself, whoever writes to it and past which service."""

from typing import Any

import pytest
from django.db import IntegrityError, models, transaction

from models_app.models import Deployment, Host, LanguageModel, Placement, Replica, Revision, User
from tests.factories import (
    make_artifact,
    make_deployment,
    make_host,
    make_model,
    make_operation,
    make_placement,
    make_replica,
    make_user,
)

pytestmark = pytest.mark.django_db


def refused(write: Any) -> bool:
    """Return whether the database itself refuses; a write that works is undone."""
    try:
        with transaction.atomic():
            write()
            transaction.set_rollback(True)
    except IntegrityError:
        return True
    return False


def columns(row: models.Model, **changes: Any) -> Any:
    """Return what writes a second row like this one, past every service."""
    values = {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.name not in {"id", "public_id"}
    }
    return lambda: type(row)._default_manager.create(**(values | changes))


def test_one_live_replica_per_index() -> None:
    replica = make_replica()
    other = {"workload": "slipway-other-0-r1"}
    assert refused(columns(replica, **other))
    assert not refused(columns(replica, index=1, **other))
    Replica.objects.update(state="retired")
    assert not refused(columns(replica, **other))


def test_one_live_replica_per_workload() -> None:
    replica = make_replica()
    assert refused(columns(replica, index=1))
    Replica.objects.update(state="retired")
    assert not refused(columns(replica, index=1))


def test_names_are_unique() -> None:
    for row in (make_deployment(), make_host(), make_model(), make_user("dora")):
        named = getattr(row, "name")  # noqa: B009 - four kinds
        assert refused(columns(row)), named
        assert not refused(columns(row, name="another")), named


def test_numbers_and_files_are_unique() -> None:
    deployment, artifact = make_deployment(), make_artifact()
    assert refused(columns(Revision.objects.get(deployment=deployment)))
    assert refused(columns(artifact))
    assert not refused(columns(artifact, sha256="f" * 64))
    assert refused(columns(make_placement(artifact)))


@pytest.mark.parametrize("field", ["state", "wish"])
def test_a_deployment_has_a_known_state_and_wish(field: str) -> None:
    make_deployment()
    assert refused(lambda: Deployment.objects.update(**{field: "dancing"}))


def test_every_other_state_is_a_known_one() -> None:
    rows = (make_replica(), make_host(), make_artifact(), make_placement(), make_operation())
    for row in rows:
        kind = type(row)._default_manager
        assert refused(lambda kind=kind: kind.update(state="dancing")), kind.model
    assert refused(lambda: Host.objects.update(scheduling="dancing"))
    assert refused(lambda: User.objects.create(name="eve", role="dancing"))


def test_sizes_and_numbers_are_within_reason() -> None:
    deployment, artifact = make_deployment(), make_artifact()
    assert refused(lambda: Deployment.objects.filter(pk=deployment.pk).update(replicas_wished=65))
    assert not refused(
        lambda: Deployment.objects.filter(pk=deployment.pk).update(replicas_wished=64)
    )
    assert refused(lambda: type(artifact)._default_manager.update(size_bytes=0))


def test_what_is_used_is_not_deleted() -> None:
    replica = make_replica()
    for row in (replica.host, replica.revision.artifact):
        with pytest.raises(models.ProtectedError):
            row.delete()
    assert LanguageModel.objects.exists()
    assert Placement.objects.count() == 0
