"""Two host rows that lead to one Docker engine: the second is refused, and takes nothing away."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from models_app.domain.states import HostState, OperationState
from models_app.models import Host, Operation, User
from models_app.services.host_checks import host_check_begin
from models_app.services.hosts import host_add, host_remove
from tests.docker_engine import DockerEngine, new_engine
from tests.docker_images import BUSYBOX
from tests.factories import actor_of
from tests.requirements import need
from tests.runtime_sites import reached_by
from tests.workers.reconcilers.driving import settle
from workers.runtimes.docker.naming import helper_name, volume_name

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
LONG_S = 180.0


@pytest.fixture(scope="module")
def engine() -> Iterator[DockerEngine]:
    """One of this test's own: what is removed here others would miss."""
    need("docker")
    with new_engine(machine=True, tls=True) as made:
        made.load(BUSYBOX)
        yield made


def add(alice: User, engine: DockerEngine, name: str, door: str) -> Host:
    connection, secret = reached_by(engine, door)
    return host_add(
        actor_of(alice), name=name, runtime="docker", connection=connection, secret=secret
    )


def is_in(name: str, state: HostState) -> bool:
    return Host.objects.filter(name=name, state=state).exists()


def remove(alice: User, name: str) -> None:
    host_remove(actor_of(alice), Host.objects.get(name=name), version=None)


def ours(engine: DockerEngine) -> tuple[bool, bool]:
    """Return whether the helper runs and the volume is there, as Docker's command line says."""
    instance = settings.INSTANCE_ID
    running = engine.docker("ps", "--format", "{{.Names}}").split()
    volumes = engine.docker("volume", "ls", "--format", "{{.Name}}").split()
    return helper_name(instance) in running, volume_name(instance) in volumes


def test_the_second_row_is_refused_and_takes_over_once_the_first_is_gone(
    alice: User, engine: DockerEngine
) -> None:
    add(alice, engine, "first", "unix")
    settle(lambda: is_in("first", HostState.READY), within_s=LONG_S)

    connection, secret = reached_by(engine, "tls")
    tried = host_check_begin(
        actor_of(alice), runtime="docker", connection=connection, secret=secret
    )
    settle(lambda: Operation.objects.get(pk=tried.pk).state == OperationState.FAILED)
    tried.refresh_from_db()
    assert (tried.failure_code, tried.failure_params["host"]) == ("HOST_TWICE", "first")

    add(alice, engine, "second", "tls")
    settle(lambda: is_in("second", HostState.FAILED), within_s=LONG_S)
    second = Host.objects.get(name="second")
    assert (second.failure_code, second.failure_params["host"]) == ("HOST_TWICE", "first")

    # The refused row goes, and leaves the first what is the first's.
    remove(alice, "second")
    settle(lambda: not Host.objects.filter(name="second").exists(), within_s=LONG_S)
    assert ours(engine) == (True, True)
    assert is_in("first", HostState.READY)

    add(alice, engine, "third", "tls")
    settle(lambda: is_in("third", HostState.FAILED), within_s=LONG_S)
    remove(alice, "first")
    settle(lambda: is_in("third", HostState.READY), within_s=LONG_S)
    assert list(Host.objects.values_list("name", flat=True)) == ["third"]
    assert ours(engine) == (True, True)
    remove(alice, "third")
    settle(lambda: not Host.objects.exists(), within_s=LONG_S)
    assert ours(engine) == (False, False)
