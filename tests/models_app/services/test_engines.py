"""The catalogue of engines is what the hands wrote last; a demo's hosts take them too."""

import pytest

from models_app.models import EngineEntry
from models_app.services.engines import engines_publish
from tests.factories import make_engine
from workers.registry import engines

pytestmark = pytest.mark.django_db


def test_what_is_not_there_any_more_leaves_the_catalogue() -> None:
    make_engine("gone")
    engines_publish(engine.manifest for engine in engines().values())
    assert set(EngineEntry.objects.values_list("key", flat=True)) == set(engines())


def test_a_demos_hosts_take_every_engine_and_only_in_a_demo() -> None:
    manifests = [engine.manifest for engine in engines().values()]
    engines_publish(manifests, also_on=("demo",))
    assert "demo" in EngineEntry.objects.get(key="llamacpp").manifest["runtimes"]
    engines_publish(manifests)
    assert "demo" not in EngineEntry.objects.get(key="llamacpp").manifest["runtimes"]
