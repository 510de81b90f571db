from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from models_app.models import User
from models_app.services.sign_in import link_use
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def printed(*args: str) -> str:
    out = StringIO()
    call_command("sign_in_link", *args, stdout=out)
    return out.getvalue().strip()


def test_on_an_empty_installation_it_makes_the_admin_and_prints_a_working_link() -> None:
    address = printed()
    assert address.startswith("http://127.0.0.1:")
    user = link_use(address.rsplit("/", 1)[1])
    assert (user.name, user.role, user.is_set_up) == ("admin", "admin", False)


def test_it_makes_a_link_for_a_named_user_only_when_active() -> None:
    make_user("bob")
    make_user("eve", is_active=False)
    assert link_use(printed("bob").rsplit("/", 1)[1]).name == "bob"
    for name in ("eve", "nobody"):
        with pytest.raises(CommandError, match=name):
            printed(name)
    with pytest.raises(CommandError, match="admin"):
        printed()
    with pytest.raises(CommandError, match="minutes"):
        printed("bob", "--minutes=0")
    assert User.objects.count() == 2
