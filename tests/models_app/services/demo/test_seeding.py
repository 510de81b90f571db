"""The demo is rows alone: nothing of it is ever due, and it goes without a trace."""

import pytest
from django.apps import apps

from models_app.domain.actors import SYSTEM
from models_app.domain.errors import ConflictError
from models_app.models import Deployment, Event, Host, Operation, OutboxEntry, Placement, Replica
from models_app.services.demo.seeding import demo_clear, demo_seed, demo_seed_large
from tests import factories

pytestmark = pytest.mark.django_db


def rows_of_everything() -> dict[str, int]:
    skipped = {"auditentry", "engineentry", "permission", "contenttype", "session"}
    models = [m for m in apps.get_models() if m._meta.model_name not in skipped]
    return {m._meta.label: m._default_manager.count() for m in models}


def test_nothing_is_due_and_nobody_is_nudged() -> None:
    demo_seed(SYSTEM)
    for model in (Host, Deployment, Replica, Placement, Operation):
        assert model._default_manager.exists()
        assert not model._default_manager.filter(next_action_at__isnull=False).exists()
    assert not OutboxEntry.objects.exists()


def test_it_tells_of_trouble_and_of_the_past() -> None:
    demo_seed(SYSTEM)
    states = set(Deployment.objects.values_list("state", flat=True))
    assert {"ready", "degraded", "failed", "deploying", "unknown", "stopped"} <= states
    assert Deployment.objects.get(name="contract-reader").failure_code == "NOT_ENOUGH_MEMORY"
    times = list(Event.objects.order_by("pk").values_list("at", flat=True))
    assert times == sorted(times)
    assert (times[-1] - times[0]).days > 30


def test_clearing_leaves_what_was_there() -> None:
    factories.make_replica()
    before = rows_of_everything()
    demo_seed(SYSTEM)
    assert rows_of_everything() != before
    with pytest.raises(ConflictError):
        demo_seed(SYSTEM)
    demo_clear(SYSTEM)
    assert rows_of_everything() == before


def test_the_large_one_has_the_size_that_was_asked_for() -> None:
    made = demo_seed_large(SYSTEM, hosts=7, replicas=40)
    assert made == {"hosts": 7, "deployments": 8, "replicas": 40}
    assert Host.objects.count() == 7
    assert Replica.objects.count() == 40
    assert not Replica.objects.filter(next_action_at__isnull=False).exists()
    demo_clear(SYSTEM)
    assert not Replica.objects.exists()
