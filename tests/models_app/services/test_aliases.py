"""Aliases share their namespace with deployments; every change is a version that can come back."""

from typing import Any

import pytest

from models_app.domain.errors import ConflictError, InvalidError, NotAllowedError, NotFoundError
from models_app.models import Alias, AuditEntry, User
from models_app.selectors.aliases import alias_get, alias_table, aliases_of_deployment
from models_app.services.aliases import (
    Share,
    alias_create,
    alias_delete,
    alias_edit,
    alias_roll_back,
)
from models_app.services.deployments import deployment_create
from tests.factories import actor_of, drop_deployment, make_artifact, make_deployment, make_engine


def make_alias(user: User, name: str = "support", **fields) -> Alias:
    values: dict[str, Any] = {
        "targets": [Share("one", 9), Share("two", 1)],
        "fallback": ["three"],
    } | fields
    return alias_create(actor_of(user), name=name, **values)


@pytest.fixture
def three(bob: User):
    """Deployments named one, two and three."""
    return [make_deployment(name) for name in ("one", "two", "three")]


def test_the_gateway_sees_shares_and_fallback(bob: User, three, django_assert_num_queries) -> None:
    alias = make_alias(bob)
    with django_assert_num_queries(2):
        table = alias_table()
    found = table["support"]
    assert (found.id, found.version) == (str(alias.public_id), 1)
    assert [(t.deployment, t.weight) for t in found.targets] == [("one", 9), ("two", 1)]
    assert found.targets[0].deployment_id == str(three[0].public_id)
    assert [t.deployment for t in found.fallback] == ["three"]


def test_a_name_means_one_thing(bob: User, three) -> None:
    with pytest.raises(ConflictError, match="NAME_TAKEN"):
        make_alias(bob, "one")
    make_alias(bob)
    with pytest.raises(ConflictError, match="NAME_TAKEN"):
        make_alias(bob)
    make_engine()
    with pytest.raises(ConflictError, match="NAME_TAKEN"):
        deployment_create(
            actor_of(bob), name="support", engine="llamacpp", artifact=make_artifact()
        )


def test_versions_are_kept_and_come_back(bob: User, three) -> None:
    alias = make_alias(bob)
    alias_edit(actor_of(bob), alias, version=1, targets=[Share("two")], comment="all to two")
    assert [t.deployment for t in alias_table()["support"].targets] == ["two"]
    with pytest.raises(ConflictError, match="STALE"):
        alias_edit(actor_of(bob), alias, version=1, targets=[Share("one")])
    alias_roll_back(actor_of(bob), alias, version=None, number=1)
    found = alias_table()["support"]
    assert (found.version, len(found.targets), len(found.fallback)) == (1, 2, 1)
    assert list(alias.versions.values_list("number", flat=True)) == [2, 1]
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["alias.create", "alias.edit", "alias.roll_back"]
    with pytest.raises(NotFoundError):
        alias_roll_back(actor_of(bob), alias, version=None, number=9)


def test_the_next_version_after_a_roll_back_is_a_new_one(bob: User, three) -> None:
    alias = make_alias(bob)
    alias_edit(actor_of(bob), alias, version=None, targets=[Share("two")])
    alias_roll_back(actor_of(bob), alias, version=None, number=1)
    alias_edit(actor_of(bob), alias, version=None, targets=[Share("three")])
    assert alias_table()["support"].version == 3


def test_what_is_gone_is_left_out(bob: User, three) -> None:
    alias = make_alias(bob)
    assert aliases_of_deployment(actor_of(bob), three[2]) == [alias]
    drop_deployment(three[0])
    drop_deployment(three[2])
    found = alias_table()["support"]
    assert [t.deployment for t in found.targets] == ["two"]
    assert found.fallback == ()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"targets": []}, "ALIAS_EMPTY"),
        ({"targets": [Share("one", 0)]}, "ALIAS_EMPTY"),
        ({"targets": [Share("one", -1)]}, "VALUE_OUT_OF_RANGE"),
        ({"targets": [Share("one", 1001)]}, "VALUE_OUT_OF_RANGE"),
        ({"targets": [Share("one"), Share("one")]}, "ALIAS_TWICE"),
        ({"targets": [Share("three")]}, "ALIAS_TWICE"),
        ({"targets": [Share("four")]}, "MODEL_NAME_UNKNOWN"),
        ({"fallback": ["four"]}, "MODEL_NAME_UNKNOWN"),
        ({"name": "Not A Name"}, "NAME_INVALID"),
    ],
)
def test_bad_input_makes_no_alias(bob: User, three, fields, code: str) -> None:
    with pytest.raises(InvalidError) as caught:
        make_alias(bob, **fields)
    assert caught.value.code == code
    assert not Alias.objects.exists()


def test_viewers_look_only(bob: User, charlie: User, three) -> None:
    alias = make_alias(bob)
    assert alias_get(actor_of(charlie), "support") == alias
    with pytest.raises(NotAllowedError):
        alias_edit(actor_of(charlie), alias, version=None, targets=[Share("one")])
    with pytest.raises(NotAllowedError):
        alias_delete(actor_of(charlie), alias, version=None)
    alias_delete(actor_of(bob), alias, version=None)
    assert alias_table() == {}
