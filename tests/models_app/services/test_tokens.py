from datetime import timedelta

import pytest
from django.utils import timezone

from models_app.domain.errors import InvalidError, NotAllowedError, NotSignedInError
from models_app.domain.states import Role
from models_app.models import ApiToken, AuditEntry, User
from models_app.selectors.people import token_get, tokens_visible
from models_app.services.people import user_edit
from models_app.services.tokens import token_check, token_create, token_revoke
from tests.factories import actor_of


def test_a_token_is_shown_once_and_kept_as_a_digest(bob: User) -> None:
    token, text = token_create(actor_of(bob), name="backup", scopes=["read"])
    prefix, key_id, secret = text.split("_", 2)
    assert (prefix, key_id, len(secret)) == ("slip", token.key_id, 43)
    stored = str(list(ApiToken.objects.values())) + str(list(AuditEntry.objects.values()))
    assert secret not in stored
    assert token.expires_at is not None
    assert timedelta(days=89) < token.expires_at - timezone.now() <= timedelta(days=90)


@pytest.mark.parametrize(
    ("scopes", "role"),
    [(["read"], Role.VIEWER), (["operate"], Role.OPERATOR), (["read", "operate"], Role.OPERATOR)],
)
def test_a_token_is_as_wide_as_its_scopes(bob: User, scopes: list[str], role: Role) -> None:
    _, text = token_create(actor_of(bob), name="t", scopes=scopes)
    assert token_check(text).role == role


def test_a_token_is_never_wider_than_its_user(alice: User, bob: User) -> None:
    with pytest.raises(NotAllowedError, match="SCOPE_TOO_WIDE"):
        token_create(actor_of(bob), name="t", scopes=["admin"])
    _, text = token_create(actor_of(bob), name="t", scopes=["operate"])
    user_edit(actor_of(alice), bob, version=None, role="viewer")
    assert token_check(text).role == Role.VIEWER


def test_a_narrow_token_cannot_make_a_wider_one(alice: User) -> None:
    from dataclasses import replace

    narrow = replace(actor_of(alice), role=Role.VIEWER)
    with pytest.raises(NotAllowedError, match="SCOPE_TOO_WIDE"):
        token_create(narrow, name="t", scopes=["operate"])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"scopes": []}, "SCOPE_UNKNOWN"),
        ({"scopes": ["*"]}, "SCOPE_UNKNOWN"),
        ({"days": 0}, "VALUE_OUT_OF_RANGE"),
        ({"days": 366}, "VALUE_OUT_OF_RANGE"),
        ({"name": " "}, "VALUE_INVALID"),
        ({"name": "a\nb"}, "VALUE_INVALID"),
    ],
)
def test_bad_input_makes_no_token(bob: User, fields: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidError) as caught:
        token_create(actor_of(bob), **{"name": "t", "scopes": ["read"], **fields})  # type: ignore[arg-type]
    assert caught.value.code == code
    assert not ApiToken.objects.exists()


def test_what_is_not_the_token_is_refused_alike(bob: User) -> None:
    token, text = token_create(actor_of(bob), name="t", scopes=["read"])
    other, _ = token_create(actor_of(bob), name="u", scopes=["read"])
    secret = text.split("_", 2)[2]
    wrong = [
        "",
        "slip",
        "slip__",
        text[:-1],
        text[:-1] + ("A" if text[-1] != "A" else "B"),
        f"slip_{other.key_id}_{secret}",
        text.replace("slip_", "slap_"),
        f"slip_{token.key_id}_",
        "' OR 1=1 --",
        "slip_\x00_\x00",
    ]
    for bad in wrong:
        with pytest.raises(NotSignedInError, match="TOKEN_INVALID"):
            token_check(bad)
    assert token_check(text).user == bob


def test_revoked_expired_and_disabled_end_at_once(alice: User, bob: User) -> None:
    token, revoked = token_create(actor_of(bob), name="t", scopes=["read"])
    token_revoke(actor_of(bob), token)
    late_row, late = token_create(actor_of(bob), name="t", scopes=["read"])
    ApiToken.objects.filter(pk=late_row.pk).update(expires_at=timezone.now())
    _, disabled = token_create(actor_of(bob), name="t", scopes=["read"])
    user_edit(actor_of(alice), bob, version=None, is_active=False)
    for text in (revoked, late, disabled):
        with pytest.raises(NotSignedInError):
            token_check(text)


def test_use_is_noted_at_most_once_a_minute(
    bob: User, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    token, text = token_create(actor_of(bob), name="t", scopes=["read"])
    token_check(text)
    token.refresh_from_db()
    first = token.last_used_at
    assert first is not None
    with django_assert_num_queries(1):  # type: ignore[operator]
        token_check(text)
    ApiToken.objects.update(last_used_at=first - timedelta(seconds=61))
    token_check(text)
    token.refresh_from_db()
    assert token.last_used_at is not None
    assert token.last_used_at > first - timedelta(seconds=1)


def test_others_tokens_are_not_seen_nor_revoked(alice: User, bob: User, charlie: User) -> None:
    token, _ = token_create(actor_of(bob), name="t", scopes=["read"])
    assert not tokens_visible(actor_of(charlie)).exists()
    with pytest.raises(NotAllowedError):
        tokens_visible(actor_of(charlie), everybodys=True)
    with pytest.raises(NotAllowedError):
        token_revoke(actor_of(charlie), token)
    token_revoke(actor_of(alice), token_get(actor_of(alice), token.key_id))
    assert not tokens_visible(actor_of(bob)).exists()
