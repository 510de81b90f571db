import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from models_app.domain.errors import NotAllowedError, NotSignedInError, SlipwayError, TooManyError
from models_app.models import AuditEntry, SignInAttempt, SignInLink, User
from models_app.services.passwords import password_change
from models_app.services.sign_in import (
    attempts_prune,
    link_create,
    link_use,
    sign_in_by_password,
)
from tests.factories import PASSWORD, actor_of, make_user


def fail(name: str, address: str = "10.0.0.1") -> str:
    with pytest.raises(SlipwayError) as caught:
        sign_in_by_password(name, "wrong", address=address)
    return caught.value.code


def age(seconds: float) -> None:
    for row in SignInAttempt.objects.all():
        SignInAttempt.objects.filter(pk=row.pk).update(at=row.at - timedelta(seconds=seconds))


def test_the_right_password_signs_in_whatever_the_case_of_the_name(bob: User) -> None:
    assert sign_in_by_password(" Bob ", PASSWORD, address="10.0.0.1") == bob
    assert AuditEntry.objects.get(action="sign_in").actor_id == bob.pk


def test_wrong_name_wrong_password_and_disabled_are_told_alike(bob: User) -> None:
    make_user("eve", is_active=False)
    assert fail("bob") == fail("nobody") == "SIGN_IN_FAILED"
    with pytest.raises(NotSignedInError, match="SIGN_IN_FAILED"):
        sign_in_by_password("eve", PASSWORD, address="10.0.0.1")
    assert "nobody" not in AuditEntry.objects.values_list("actor_name", flat=True)


def test_an_account_waits_after_five_failures_even_with_the_right_password(bob: User) -> None:
    assert [fail("bob", f"10.0.0.{i}") for i in range(5)] == ["SIGN_IN_FAILED"] * 5
    with pytest.raises(TooManyError) as caught:
        sign_in_by_password("bob", PASSWORD, address="10.9.9.9")
    assert 0 < caught.value.params["wait_s"] <= 61
    age(61)
    assert sign_in_by_password("bob", PASSWORD, address="10.9.9.9") == bob
    assert not SignInAttempt.objects.exists()


def test_the_wait_doubles_and_is_bounded(bob: User) -> None:
    waits = []
    for _ in range(8):
        now = timezone.now()
        SignInAttempt.objects.bulk_create([SignInAttempt(name="bob", address="") for _ in range(5)])
        SignInAttempt.objects.update(at=now)
        with pytest.raises(TooManyError) as caught:
            sign_in_by_password("bob", PASSWORD, address="10.0.0.1")
        waits.append(round(caught.value.params["wait_s"], -1))
    assert waits == [60, 120, 240, 480, 900, 900, 900, 900]


def test_a_refused_try_does_not_lengthen_the_wait(bob: User) -> None:
    for _ in range(9):
        fail("bob")
    assert SignInAttempt.objects.count() == 5


def test_an_address_waits_after_twenty_failures_on_any_accounts(bob: User) -> None:
    assert {fail(f"user-{i}") for i in range(20)} == {"SIGN_IN_FAILED"}
    assert fail("somebody-else") == "SIGN_IN_THROTTLED"
    assert sign_in_by_password("bob", PASSWORD, address="10.0.0.2") == bob


def test_old_failures_are_forgotten(bob: User) -> None:
    for _ in range(5):
        fail("bob")
    age(3601)
    assert sign_in_by_password("bob", PASSWORD, address="10.0.0.1") == bob
    fail("bob")
    age(3601)
    assert attempts_prune() == 1


def test_guessing_the_current_password_in_the_profile_is_slow_too(bob: User) -> None:
    for _ in range(5):
        with pytest.raises(SlipwayError, match="PASSWORD_WRONG"):
            password_change(actor_of(bob), current="wrong", new="another pass phrase")
    with pytest.raises(TooManyError):
        password_change(actor_of(bob), current=PASSWORD, new="another pass phrase")


@pytest.mark.django_db(transaction=True)
def test_many_tries_at_once_do_not_pass_the_limit() -> None:
    make_user("bob")
    barrier = threading.Barrier(12)
    codes: list[str] = []

    def guess() -> None:
        barrier.wait()
        try:
            sign_in_by_password("bob", "wrong", address="10.0.0.1")
        except SlipwayError as error:
            codes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(codes) == 12
    assert codes.count("SIGN_IN_FAILED") <= 5


def test_a_link_works_once_and_only_in_its_time(bob: User) -> None:
    first = link_create(bob)
    secret = link_create(bob)
    assert len(secret) >= 43
    assert secret not in str(list(SignInLink.objects.values()))
    for bad in (first, "", "x" * 43, secret[:-1]):
        with pytest.raises(NotSignedInError, match="LINK_USED_UP"):
            link_use(bad)
    assert link_use(secret) == bob
    with pytest.raises(NotSignedInError):
        link_use(secret)
    late = link_create(bob)
    SignInLink.objects.update(expires_at=timezone.now())
    with pytest.raises(NotSignedInError):
        link_use(late)


def test_a_link_of_a_disabled_user_does_not_work(bob: User) -> None:
    secret = link_create(bob)
    User.objects.update(is_active=False)
    with pytest.raises(NotSignedInError):
        link_use(secret)


def test_links_for_others_are_the_admins_to_make(alice: User, bob: User) -> None:
    with pytest.raises(NotAllowedError):
        link_create(alice, actor=actor_of(bob))
    assert link_use(link_create(bob, actor=actor_of(alice))) == bob


@pytest.mark.django_db(transaction=True)
def test_a_link_used_twice_at_the_same_moment_signs_in_once() -> None:
    secret = link_create(make_user("bob"))
    barrier = threading.Barrier(6)
    outcomes: list[str] = []

    def use() -> None:
        barrier.wait()
        try:
            outcomes.append(link_use(secret).name)
        except SlipwayError as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["LINK_USED_UP"] * 5 + ["bob"]
