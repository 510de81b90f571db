from datetime import timedelta

import pytest
from django.utils import timezone

from models_app.domain.errors import InvalidError
from models_app.models import AuditEntry, Event, Host, LanguageModel, Operation, OutboxEntry, User
from models_app.services import bootstrap
from models_app.services.bootstrap import first_start, look_at_all
from tests.factories import make_host

pytestmark = pytest.mark.django_db
TABLES = [AuditEntry, Event, Host, LanguageModel, Operation, OutboxEntry, User]


def _rows() -> list[int]:
    return [table._default_manager.count() for table in TABLES]


def test_first_start_gives_an_admin_a_host_and_a_model_on_its_way() -> None:
    assert first_start(host_name="here", with_model=True)
    admin = User.objects.get()
    assert (admin.role, admin.is_set_up, admin.has_usable_password()) == ("admin", False, False)
    assert (Host.objects.get().name, Host.objects.get().runtime) == ("here", "process")
    operation = Operation.objects.get()
    assert operation.parameters["source"] == "bundled"
    assert operation.parameters["then_deploy"]["engine"] == "llamacpp"
    assert LanguageModel.objects.get().licence == "Apache-2.0"


def test_second_start_changes_nothing() -> None:
    first_start(host_name="here", with_model=True)
    before = _rows()
    assert not first_start(host_name="elsewhere", with_model=True)
    assert _rows() == before


def test_what_people_deleted_stays_deleted() -> None:
    first_start(host_name="here", with_model=True)
    Operation.objects.all().delete()
    LanguageModel.objects.all().delete()
    Host.objects.all().delete()
    assert not first_start(host_name="here", with_model=True)
    assert not Host.objects.exists()


def test_the_model_can_be_declined() -> None:
    first_start(host_name="here", with_model=False)
    assert Host.objects.exists()
    assert not Operation.objects.exists()


def test_a_first_start_that_breaks_leaves_nothing_half_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(bootstrap.FIRST_IMPORT, "source", "nowhere")
    with pytest.raises(InvalidError):
        first_start(host_name="here", with_model=True)
    assert _rows() == [0] * len(TABLES)


def test_an_earlier_sign_in_link_does_not_cost_the_first_start() -> None:
    from models_app.services.people import admin_ensure

    admin_ensure()
    assert first_start(host_name="here", with_model=False)
    assert User.objects.count() == 1


def test_what_waits_for_a_later_time_is_looked_at_now() -> None:
    later = timezone.now() + timedelta(minutes=5)
    waiting = make_host(name="waiting", next_action_at=later)
    resting = make_host(name="resting", next_action_at=None)
    look_at_all()
    waiting.refresh_from_db()
    resting.refresh_from_db()
    assert waiting.next_action_at is not None
    assert waiting.next_action_at <= timezone.now()
    assert resting.next_action_at is None
