import socket

import pytest

from controlplane.management.commands.up import greeting, this_machine
from models_app.domain.names import check_name
from models_app.models import SignInLink, User
from models_app.services.people import admin_ensure


@pytest.mark.django_db
def test_greeting_carries_a_link_until_an_admin_is_set_up() -> None:
    admin_ensure()
    assert "/sign-in/link/" in greeting()
    assert SignInLink.objects.filter(used_at=None).count() == 1
    User.objects.update(is_set_up=True)
    assert "/sign-in/link/" not in greeting()


@pytest.mark.parametrize(
    ("hostname", "name"),
    [("Desk.example.org", "desk"), ("my_box", "my-box"), ("---", "this-machine")],
)
def test_this_machine_has_a_usable_name(
    monkeypatch: pytest.MonkeyPatch, hostname: str, name: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: hostname)
    assert check_name(this_machine()) == name
