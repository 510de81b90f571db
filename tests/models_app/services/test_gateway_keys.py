"""Keys are shown once, never wider than their owner, and dead at once when revoked."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from models_app.domain.errors import InvalidError, NotAllowedError, NotFoundError
from models_app.domain.gateway import KeyStanding, split_key
from models_app.models import AuditEntry, GatewayKey, User
from models_app.notify import browsers
from models_app.selectors.gateway_keys import key_by_id, key_get, keys_visible, standing_of
from models_app.services.gateway_keys import (
    KeyScope,
    gateway_key_create,
    gateway_key_edit,
    gateway_key_revoke,
    secret_matches,
)
from models_app.services.people import user_delete, user_edit
from tests.factories import actor_of, drop_deployment, make_deployment


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the keys that gateways were told to forget, in order."""
    told: list[str] = []
    monkeypatch.setattr(browsers, "publish_key_changed", told.append)
    return told


def make_key(user: User, **fields):
    deployment = make_deployment()
    values: dict[str, Any] = {
        "name": "till",
        "scope": KeyScope(deployments=[deployment.name]),
    } | fields
    return gateway_key_create(actor_of(user), **values)


def parts_of(text: str) -> tuple[str, str]:
    """Id and secret of a key's text."""
    found = split_key(text)
    assert found is not None
    return found


def test_a_key_is_shown_once_and_kept_as_a_digest(bob: User) -> None:
    deployment = make_deployment("chat")
    key, text = make_key(bob, scope=KeyScope(deployments=["chat"], routes=["chat"]))
    key_id, secret = parts_of(text)
    assert (key_id, len(secret)) == (key.key_id, 43)
    stored = str(list(GatewayKey.objects.values())) + str(list(AuditEntry.objects.values()))
    assert secret not in stored
    assert timedelta(days=89) < key.expires_at - timezone.now() <= timedelta(days=90)
    facts = key_by_id(key_id)
    assert facts.opens_deployment(str(deployment.public_id))
    assert not facts.opens_deployment(str(make_deployment().public_id))
    assert facts.limits.requests_per_minute == 60
    assert facts.standing(timezone.now()) == KeyStanding.GOOD
    assert secret_matches(facts, secret)


def test_only_the_whole_secret_matches(bob: User) -> None:
    key, text = make_key(bob)
    other, other_text = make_key(bob)
    secret, facts = parts_of(text)[1], key_by_id(key.key_id)
    changed = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    for wrong in (changed, secret[:20], "", secret + "x", parts_of(other_text)[1], "é"):
        assert not secret_matches(facts, wrong)
    assert not secret_matches(None, secret)
    assert not secret_matches(key_by_id(other.key_id), secret)
    assert key_by_id("' OR 1=1 --") is None


def test_reading_a_key_is_one_query(bob: User, django_assert_num_queries) -> None:
    key, _ = make_key(bob)
    with django_assert_num_queries(1):
        assert key_by_id(key.key_id) is not None


def test_roles_decide_who_may_have_which_key(alice: User, bob: User, charlie: User) -> None:
    with pytest.raises(NotAllowedError):
        make_key(charlie)
    with pytest.raises(NotAllowedError, match="KEY_SCOPE_TOO_WIDE"):
        make_key(bob, scope=KeyScope(every_model=True))
    key, _ = make_key(alice, scope=KeyScope(every_model=True))
    assert key_by_id(key.key_id).opens_deployment("whatever comes")


def test_a_key_loses_its_backing_with_its_owners_rights(
    alice: User, bob: User, hints: list[str]
) -> None:
    key, _ = make_key(bob)
    user_edit(actor_of(alice), bob, version=None, role="viewer")
    assert hints == [key.key_id] * 2  # made, and the owner demoted
    assert standing_of(key_get(actor_of(alice), key.key_id)) == KeyStanding.UNBACKED
    user_edit(actor_of(alice), bob, version=None, role="operator")
    assert key_by_id(key.key_id).standing(timezone.now()) == KeyStanding.GOOD
    user_edit(actor_of(alice), bob, version=None, is_active=False)
    assert not key_by_id(key.key_id).is_backed
    user_delete(actor_of(alice), bob, version=None)
    assert key_by_id(key.key_id).standing(timezone.now()) == KeyStanding.REVOKED
    assert hints[-1] == key.key_id


def test_an_admins_wide_key_ends_with_the_role(alice: User) -> None:
    second = User.objects.create(name="dora", role="admin")
    key, _ = make_key(second, scope=KeyScope(every_model=True))
    user_edit(actor_of(alice), second, version=None, role="operator")
    assert not key_by_id(key.key_id).is_backed


def test_revoking_is_told_to_the_gateways_and_audited(bob: User, hints: list[str]) -> None:
    key, _ = make_key(bob)
    gateway_key_revoke(actor_of(bob), key)
    gateway_key_revoke(actor_of(bob), key)
    assert hints == [key.key_id] * 2
    assert key_by_id(key.key_id).standing(timezone.now()) == KeyStanding.REVOKED
    entry = AuditEntry.objects.get(action="gateway_key.revoke")
    assert (entry.subject_kind, entry.actor_name) == ("gateway_key", "bob")


def test_others_keys_are_neither_seen_nor_changed(alice: User, bob: User, charlie: User) -> None:
    key, _ = make_key(bob)
    dora = User.objects.create(name="dora", role="operator")
    for stranger in (charlie, dora):
        assert not keys_visible(actor_of(stranger)).exists()
        with pytest.raises(NotFoundError):
            key_get(actor_of(stranger), key.key_id)
        with pytest.raises(NotAllowedError):
            gateway_key_revoke(actor_of(stranger), key)
        with pytest.raises(NotAllowedError):
            gateway_key_edit(actor_of(stranger), key, version=None, name="mine")
    with pytest.raises(NotAllowedError):
        keys_visible(actor_of(dora), everybodys=True)
    assert list(keys_visible(actor_of(alice), everybodys=True)) == [key]


def test_a_key_can_be_narrowed_without_a_new_text(bob: User, hints: list[str]) -> None:
    key, text = make_key(bob)
    gateway_key_edit(
        actor_of(bob),
        key,
        version=key.version,
        scope=KeyScope(deployments=[make_deployment("other").name], routes=["embeddings"]),
        limits={"requests_per_minute": 5},
    )
    facts = key_by_id(key.key_id)
    assert [str(route) for route in facts.routes] == ["embeddings"]
    assert (facts.limits.requests_per_minute, facts.limits.tokens_per_minute) == (5, None)
    assert secret_matches(facts, parts_of(text)[1])
    assert hints == [key.key_id] * 2


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"scope": KeyScope()}, "KEY_SCOPE_EMPTY"),
        ({"scope": KeyScope(deployments=["no-such"])}, "MODEL_NAME_UNKNOWN"),
        ({"scope": KeyScope(aliases=["no-such"])}, "MODEL_NAME_UNKNOWN"),
        ({"scope": KeyScope(deployments=["x"], routes=[])}, "KEY_ROUTE_UNKNOWN"),
        ({"scope": KeyScope(deployments=["x"], routes=["*"])}, "KEY_ROUTE_UNKNOWN"),
        ({"days": 0}, "VALUE_OUT_OF_RANGE"),
        ({"days": 366}, "VALUE_OUT_OF_RANGE"),
        ({"name": " "}, "VALUE_INVALID"),
        ({"limits": {"requests_per_minute": 0}}, "VALUE_OUT_OF_RANGE"),
    ],
)
def test_bad_input_makes_no_key(bob: User, fields: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidError) as caught:
        make_key(bob, **fields)
    assert caught.value.code == code
    assert not GatewayKey.objects.exists()


def test_a_name_given_anew_does_not_open_an_old_keys_door(bob: User) -> None:
    deployment = make_deployment("chat")
    key, _ = make_key(bob, scope=KeyScope(deployments=["chat"]))
    drop_deployment(deployment)
    again = make_deployment("chat")
    assert not key_by_id(key.key_id).opens_deployment(str(again.public_id))
