import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from models_app.domain.errors import (
    ConflictError,
    InvalidError,
    NotAllowedError,
    SlipwayError,
)
from models_app.domain.states import Role
from models_app.models import AuditEntry, User
from models_app.services.passwords import password_change
from models_app.services.people import (
    admin_ensure,
    profile_edit,
    set_up,
    user_create,
    user_delete,
    user_edit,
    user_sign_out_everywhere,
)
from tests.factories import PASSWORD, actor_of, make_user


def test_an_admin_adds_a_user_who_chooses_a_password_later(alice: User) -> None:
    user = user_create(actor_of(alice), name="dora", role="operator")
    assert not user.is_set_up
    assert not user.has_usable_password()
    done = set_up(actor_of(user), name="dora-2", password="a long pass phrase", display_name="D")
    assert done.is_set_up
    assert done.check_password("a long pass phrase")
    with pytest.raises(ConflictError, match="ALREADY_SET_UP"):
        set_up(actor_of(user), name="dora", password="another pass phrase")
    actions = list(AuditEntry.objects.values_list("action", flat=True))
    assert actions == ["user.set_up", "user.create"]
    assert "pass phrase" not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": "../x", "role": "viewer"}, "NAME_INVALID"),
        ({"name": "dora", "role": "root"}, "ROLE_UNKNOWN"),
        ({"name": "dora", "role": "viewer", "password": "short"}, "PASSWORD_TOO_SHORT"),
        ({"name": "dora", "role": "viewer", "password": "password1234"}, "PASSWORD_TOO_COMMON"),
        ({"name": "doradoradora", "role": "viewer", "password": "doradoradora1"}, None),
        ({"name": "dora", "role": "viewer", "password": "x" * 1025}, "PASSWORD_TOO_LONG"),
        ({"name": "alice", "role": "viewer"}, "NAME_TAKEN"),
        ({"name": "dora", "role": "viewer", "display_name": "a\nb"}, "VALUE_INVALID"),
    ],
)
def test_a_user_that_cannot_be_is_refused_whole(
    alice: User, fields: dict[str, Any], code: str | None
) -> None:
    with pytest.raises(SlipwayError) as caught:
        user_create(actor_of(alice), **fields)
    assert caught.value.code == (code or "PASSWORD_TOO_SIMILAR")
    assert User.objects.count() == 1


def test_only_admins_change_users(alice: User, bob: User) -> None:
    with pytest.raises(NotAllowedError):
        user_create(actor_of(bob), name="dora", role="viewer")
    with pytest.raises(NotAllowedError):
        user_edit(actor_of(bob), bob, version=None, role="admin")
    with pytest.raises(NotAllowedError):
        user_delete(actor_of(bob), alice, version=None)
    with pytest.raises(NotAllowedError):
        user_sign_out_everywhere(actor_of(bob), alice)


@pytest.mark.parametrize("changes", [{"role": "operator"}, {"is_active": False}])
def test_the_last_admin_stays(alice: User, bob: User, changes: dict[str, Any]) -> None:
    make_user("eve", Role.ADMIN, is_active=False)
    with pytest.raises(ConflictError, match="LAST_ADMIN"):
        user_edit(actor_of(alice), alice, version=None, **changes)
    with pytest.raises(ConflictError, match="LAST_ADMIN"):
        user_delete(actor_of(alice), alice, version=None)
    alice.refresh_from_db()
    assert (alice.role, alice.is_active, alice.version) == (Role.ADMIN, True, 1)
    user_edit(actor_of(alice), bob, version=None, role="admin")
    user_edit(actor_of(alice), alice, version=None, **changes)


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_who_demote_each_other_at_once_one_remains() -> None:
    rows = [make_user("one", Role.ADMIN), make_user("two", Role.ADMIN)]
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def demote(by: User, whom: User) -> None:
        barrier.wait()
        try:
            user_edit(actor_of(by), whom, version=None, role="viewer")
            outcomes.append("done")
        except SlipwayError as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=demote, args=pair)
        for pair in [(rows[0], rows[1]), (rows[1], rows[0])]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    # The later one is refused: as no admin any more, or because the last admin must stay.
    assert "done" in outcomes
    assert set(outcomes) - {"done"} <= {"LAST_ADMIN", "NOT_ALLOWED"}
    assert len(outcomes) == 2
    assert User.objects.filter(role=Role.ADMIN).count() == 1


def test_a_stale_version_is_refused(alice: User, bob: User) -> None:
    user_edit(actor_of(alice), bob, version=1, display_name="Bob")
    with pytest.raises(ConflictError, match="STALE"):
        user_edit(actor_of(alice), bob, version=1, role="viewer")


@pytest.mark.parametrize("change", ["role", "disable", "everywhere", "password"])
def test_a_change_of_rights_ends_every_session(
    alice: User, bob: User, bob_browser: Client, change: str, django_user_model: type[User]
) -> None:
    def is_signed_in() -> bool:
        from django.contrib.auth import get_user
        from django.http import HttpRequest

        request = HttpRequest()
        request.session = bob_browser.session
        return get_user(request).is_authenticated

    assert is_signed_in()
    before = bob.role_version
    if change == "role":
        user_edit(actor_of(alice), bob, version=None, role="viewer")
    elif change == "disable":
        user_edit(actor_of(alice), bob, version=None, is_active=False)
    elif change == "everywhere":
        user_sign_out_everywhere(actor_of(bob), bob)
    else:
        password_change(actor_of(bob), current=PASSWORD, new="another pass phrase")
    bob.refresh_from_db()
    assert bob.role_version == before + 1
    assert not is_signed_in()


def test_a_new_display_name_keeps_the_sessions(alice: User, bob: User) -> None:
    user_edit(actor_of(alice), bob, version=None, display_name="Bob")
    bob.refresh_from_db()
    assert (bob.role_version, bob.display_name) == (1, "Bob")


def test_the_password_is_changed_only_by_who_knows_it(bob: User) -> None:
    with pytest.raises(InvalidError, match="PASSWORD_WRONG"):
        password_change(actor_of(bob), current="wrong", new="another pass phrase")
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)


def test_a_profile_takes_known_values_only(bob: User) -> None:
    profile_edit(actor_of(bob), language="it", theme="dark", display_name=" Bob ")
    bob.refresh_from_db()
    assert (bob.language, bob.theme, bob.display_name) == ("it", "dark", "Bob")
    for changes in ({"theme": "pink"}, {"language": "xx"}, {"role": "admin"}):
        with pytest.raises(InvalidError):
            profile_edit(actor_of(bob), **changes)
    bob.refresh_from_db()
    assert bob.role == Role.OPERATOR


@pytest.mark.django_db
def test_the_first_admin_is_made_once_and_has_no_password() -> None:
    admin = admin_ensure()
    assert admin is not None
    assert (admin.role, admin.is_set_up, admin.has_usable_password()) == (Role.ADMIN, False, False)
    assert admin_ensure() is None


def test_a_deleted_user_leaves_a_name_in_the_audit(alice: User, bob: User) -> None:
    profile_edit(actor_of(bob), theme="dark")
    user_delete(actor_of(alice), bob, version=None)
    row = AuditEntry.objects.get(action="profile.edit")
    assert (row.actor_id, row.actor_name) == (None, "bob")
