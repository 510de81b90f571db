"""Rows and containers come apart on a real Docker engine, and come together again by themselves."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone

from models_app.domain.store import ModelStore, hash_file
from models_app.models import Deployment, Event, Host, Placement, Replica, User
from models_app.services import deployments as wishes
from models_app.services.engines import engines_publish
from models_app.services.hosts import host_add
from tests.docker_engine import DockerEngine
from tests.docker_images import BUSYBOX, FAKE
from tests.factories import actor_of, make_artifact, make_host, make_placement
from tests.gguf_files import gguf_bytes
from tests.runtime_sites import reached_by
from tests.workers.reconcilers.driving import RECONCILERS, hurry, settle
from tests.workloads import eventually
from workers.reconcilers import hosts, replicas
from workers.reconcilers.sweep import due_rows
from workers.registry import engines
from workers.runtimes.docker.naming import volume_name

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WORKERS = 6
LONG_S = 180.0  # for an engine that shares two cores with everything else
LABEL = "label=dev.slipway.workload"


@pytest.fixture
def box(alice: User, docker_engine: DockerEngine) -> Iterator[Host]:
    """A Docker engine as a host; what runs on it of ours is ended."""
    docker_engine.load(BUSYBOX, FAKE)
    engines_publish(engine.manifest for engine in engines().values())
    connection, secret = reached_by(docker_engine, "unix")
    host = host_add(
        actor_of(alice), name="box", runtime="docker", connection=connection, secret=secret
    )
    settle(lambda: Host.objects.get().state == "ready", within_s=LONG_S)
    yield host
    mine = f"label=dev.slipway.instance={settings.INSTANCE_ID}"
    for container in docker_engine.docker("ps", "-aq", "--filter", mine).split():
        docker_engine.docker("rm", "-f", container, check=False)


@pytest.fixture
def chat(box: Host, alice: User, tmp_path: Path) -> Deployment:
    """One replica of the fake engine, wished for."""
    part = tmp_path / "a.part"
    part.write_bytes(gguf_bytes())
    sha256, size = hash_file(part), part.stat().st_size
    ModelStore(settings.PATHS.models).adopt(part, sha256, "a.gguf")
    artifact = make_artifact(sha256=sha256, size_bytes=size, file_name="a.gguf")
    # The engine is shared by the whole run: a name of this test's own.
    name = f"chat-{uuid.uuid4().hex[:8]}"
    return wishes.deployment_create(actor_of(alice), name=name, engine="fake", artifact=artifact)


def containers(engine: DockerEngine) -> list[str]:
    """Return the running workloads of this installation, as Docker itself lists them."""
    mine = f"label=dev.slipway.instance={settings.INSTANCE_ID}"
    found = engine.docker("ps", "-q", "--no-trunc", "--filter", mine, "--filter", LABEL)
    return found.split()


def is_ready() -> bool:
    live = Replica.objects.exclude(state="retired").values_list("state", flat=True)
    return Deployment.objects.get().state == "ready" and list(live) == ["ready"]


def test_doubles_and_many_workers_start_one_container(
    chat: Deployment, docker_engine: DockerEngine
) -> None:
    most, done = [0], threading.Event()

    def work() -> None:
        while not done.is_set():
            for task, row_id in list(due_rows()):
                for _ in range(2):
                    RECONCILERS[task](row_id)
            time.sleep(0.02)
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    try:
        until = time.monotonic() + LONG_S
        while not is_ready():
            most[0] = max(most[0], len(containers(docker_engine)))
            assert time.monotonic() < until, Replica.objects.values("state", "failure_code")
            time.sleep(0.1)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert max(most[0], len(containers(docker_engine))) == 1
    assert Replica.objects.get().restarts == 0


def test_a_container_whose_row_was_lost_is_adopted(
    chat: Deployment, docker_engine: DockerEngine
) -> None:
    settle(is_ready, within_s=LONG_S)
    before = containers(docker_engine)
    Replica.objects.all().delete()
    Deployment.objects.update(next_action_at=chat.created_at)
    settle(is_ready, within_s=LONG_S)
    assert containers(docker_engine) == before
    assert Replica.objects.get().external_id == before[0]
    assert Event.objects.filter(code="replica.adopted").exists()


def test_a_container_that_nobody_wishes_for_goes_after_the_grace_and_no_sooner(
    chat: Deployment, box: Host, docker_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(is_ready, within_s=LONG_S)
    (stray,) = containers(docker_engine)
    # A worker whose clock is an hour ahead takes everything for old: what is wished for stays.
    monkeypatch.setattr(hosts, "ORPHAN_GRACE_S", -3600.0)
    hosts.reconcile_host(box.pk)
    assert containers(docker_engine) == [stray]
    Replica.objects.all().delete()
    monkeypatch.setattr(hosts, "ORPHAN_GRACE_S", 3600.0)
    hosts.reconcile_host(box.pk)
    assert containers(docker_engine) == [stray]
    monkeypatch.setattr(hosts, "ORPHAN_GRACE_S", 0.0)

    def is_gone() -> bool:
        hosts.reconcile_host(box.pk)
        return not containers(docker_engine)

    # The host's look alone: the deployment's would wish for it again, and adopt it.
    eventually(is_gone, seconds=LONG_S)
    told = Event.objects.filter(code="host.orphan_removed").first()
    assert told
    assert told.level == "warning"


def test_a_file_that_the_host_lost_is_sent_again_once(
    chat: Deployment, box: Host, docker_engine: DockerEngine
) -> None:
    settle(is_ready, within_s=LONG_S)
    lose_everything(docker_engine)
    lost = Event.objects.filter(code="artifact.lost")
    settle(lost.exists, within_s=LONG_S)
    settle(hurrying(is_ready), within_s=LONG_S)
    assert Placement.objects.get().state == "ready"
    lose_everything(docker_engine)  # again at once: that is no accident

    def has_failed() -> bool:
        told = Replica.objects.exclude(state="retired").values_list("state", "failure_code")
        return list(told) == [("failed", "ARTIFACT_MISSING")]

    settle(hurrying(has_failed), within_s=LONG_S)
    assert lost.count() == 1


def test_a_change_that_cannot_be_put_right_is_told_once(
    chat: Deployment, docker_engine: DockerEngine
) -> None:
    settle(is_ready, within_s=LONG_S)
    (ours,) = containers(docker_engine)
    replica = Replica.objects.get()
    docker_engine.docker("rename", ours, f"{replica.workload}-mine")
    docker_engine.docker("run", "-d", "--name", replica.workload, BUSYBOX, "sleep", "600")
    try:
        for _ in range(5):
            replicas.reconcile_replica(replica.pk)
        stays = Event.objects.filter(code="replica.drift_stays")
        assert stays.count() == 1
        assert not Event.objects.filter(code="replica.drift").exists()
    finally:
        docker_engine.docker("rm", "-f", replica.workload)
    replicas.reconcile_replica(replica.pk)
    assert Event.objects.filter(code="replica.drift").count() == 1
    assert stays.count() == 1
    assert docker_engine.docker("inspect", "-f", "{{.Name}}", ours) == f"/{replica.workload}"
    assert is_ready()


def hurrying(is_true: Callable[[], bool]) -> Callable[[], bool]:
    """Let whoever waits before its next try wait no longer, at each look."""

    def look() -> bool:
        for row in Replica.objects.filter(state="backoff"):
            hurry(row)
        return is_true()

    return look


def lose_everything(engine: DockerEngine) -> None:
    """Take this installation's containers and its volume off the host."""
    mine = f"label=dev.slipway.instance={settings.INSTANCE_ID}"
    for container in engine.docker("ps", "-aq", "--filter", mine).split():
        engine.docker("rm", "-f", container)
    engine.docker("volume", "rm", volume_name(settings.INSTANCE_ID))


def test_a_strangers_copy_of_one_of_ours_is_left_alone(
    chat: Deployment, box: Host, docker_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(is_ready, within_s=LONG_S)
    (ours,) = containers(docker_engine)
    told = docker_engine.docker("inspect", "-f", "{{json .Config.Labels}}", ours)
    labels = {key: value for key, value in json.loads(told).items() if "slipway" in key}
    labels["dev.slipway.workload"] = "slipway-copied-0-r1"
    words = [f"--label={key}={value}" for key, value in labels.items()]
    volume = f"--mount=type=volume,source={volume_name(settings.INSTANCE_ID)},target=/models"
    # What nobody copies by accident: our labels and our volume. Neither name nor id are known.
    copied = docker_engine.docker("run", "-d", *words, volume, BUSYBOX, "sleep", "600")
    monkeypatch.setattr(hosts, "ORPHAN_GRACE_S", 0.0)
    for _ in range(3):
        hosts.reconcile_host(box.pk)
    assert sorted(containers(docker_engine)) == sorted([ours, copied])
    assert not Event.objects.filter(code="host.orphan_removed").exists()


def test_nothing_is_taken_away_while_most_hosts_are_silent(
    chat: Deployment, box: Host, docker_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(is_ready, within_s=LONG_S)
    (stray,) = containers(docker_engine)
    Replica.objects.all().delete()
    monkeypatch.setattr(hosts, "ORPHAN_GRACE_S", 0.0)
    for _ in range(2):
        make_host(state="unreachable", next_action_at=None)
    unneeded = make_placement(make_artifact(), box, state="ready")
    long_ago = timezone.now() - timedelta(days=30)
    Placement.objects.filter(pk=unneeded.pk).update(updated_at=long_ago)

    def look_at_all() -> None:
        Host.objects.filter(pk=box.pk).update(observed_generation=0)  # facts and leftovers too
        hosts.reconcile_host(box.pk)
        unneeded.refresh_from_db()

    look_at_all()
    assert containers(docker_engine) == [stray]
    assert unneeded.state == "ready"
    Host.objects.filter(state="unreachable").update(state="ready")
    look_at_all()
    assert unneeded.state == "removing"
    assert Event.objects.filter(code="host.orphan_removed").exists()
