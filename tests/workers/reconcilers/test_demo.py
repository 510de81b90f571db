"""The demo's deployments go their real ways: scaled, answered by, edited and stopped."""

from collections.abc import Iterator

import httpx
import psutil
import pytest
from django.conf import settings
from django.core.management import call_command

from models_app.domain.actors import SYSTEM
from models_app.models import Deployment, Host, Replica, User
from models_app.services import deployments as wishes
from models_app.services.demo.seeding import demo_seed
from models_app.services.engines import engines_publish
from models_app.services.hosts import host_check
from tests.factories import actor_of
from tests.workers.reconcilers.driving import settle
from workers.reconcilers.runtimes import runtime_of
from workers.registry import engines

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
NAME = "till-receipts"


@pytest.fixture
def demo() -> Iterator[Deployment]:
    """The demo of a worker that runs; whatever a test leaves running is ended."""
    engines_publish((engine.manifest for engine in engines().values()), also_on=("demo",))
    demo_seed(SYSTEM)
    yield Deployment.objects.get(name=NAME)
    for host in Host.objects.exclude(name="branch-7"):
        with runtime_of(host) as runtime:
            for workload in list(runtime.list_owned()):
                while not runtime.remove(workload.name, force=True):
                    pass


def live() -> list[Replica]:
    rows = Replica.objects.filter(deployment__name=NAME).exclude(state="retired")
    return list(rows.select_related("host").order_by("index"))


def test_a_scaled_deployment_gets_a_replica_that_answers(demo: Deployment, alice: User) -> None:
    wishes.deployment_scale(actor_of(alice), demo, replicas=3, version=None)
    settle(lambda: [row.state for row in live()] == ["ready"] * 3)
    added = live()[-1]
    assert added.host.name.startswith("till-")  # the deployment asks for that label
    answer = httpx.post(
        f"http://{added.address}/v1/completions", json={"prompt": "Hello", "max_tokens": 3}
    )
    assert answer.json()["usage"]["completion_tokens"] == 3
    assert not Replica.objects.filter(failure_code="RUNTIME_UNSUPPORTED").exists()
    wishes.deployment_scale(actor_of(alice), demo, replicas=1, version=None)
    settle(lambda: len(live()) == 1)


def test_its_machines_stay_what_they_play(demo: Deployment, alice: User) -> None:
    host = Host.objects.get(name="rack-1")
    before = host.facts
    host_check(actor_of(alice), host)
    settle(lambda: Host.objects.get(name="rack-1").observed_generation == host.generation)
    host.refresh_from_db()
    assert (host.state, host.facts) == ("ready", before)


def test_what_it_runs_ends_with_the_installation(demo: Deployment, alice: User) -> None:
    wishes.deployment_scale(actor_of(alice), demo, replicas=3, version=None)
    settle(lambda: [row.state for row in live()] == ["ready"] * 3)
    pid = int(live()[-1].external_id.partition(":")[0])
    assert psutil.pid_exists(pid)
    call_command("stop_engines")
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert settings.PATHS.workloads.with_name("workloads-demo").is_dir()
