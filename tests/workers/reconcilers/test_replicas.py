"""Deployments come true on this machine: real processes of the fake engine, the real runtime."""

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest
from django.conf import settings

from models_app.models import Deployment, Event, Host, Operation, Placement, Replica, User
from models_app.services import deployments as wishes
from models_app.services.hosts import host_drain, host_uncordon
from models_app.services.operations import operation_cancel
from tests.factories import actor_of
from tests.workers.reconcilers.driving import hurry, settle
from workers.reconcilers.replica_plan import STOP_GRACE_S

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def is_ready(replicas: int = 1) -> bool:
    rows = Replica.objects.exclude(state="retired")
    return (
        Deployment.objects.get().state == "ready"
        and [row.state for row in rows] == ["ready"] * replicas
    )


def live() -> Replica:
    return Replica.objects.exclude(state="retired").get()


def pid_of(replica: Replica) -> int:
    return int(replica.external_id.split(":")[0])


def codes() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("code", flat=True))


def test_a_wish_comes_true_and_serves(chat: Deployment) -> None:
    settle(is_ready)
    replica = live()
    answer = httpx.post(
        f"http://{replica.address}/v1/chat/completions",
        json={"messages": [{"role": "user", "content": "hello"}], "max_tokens": 3},
    )
    assert answer.json()["usage"]["completion_tokens"] == 3
    assert replica.reason["passed_over"] == {}
    assert Placement.objects.get().state == "ready"
    assert codes()[-1] == "deployment.became_ready"


def test_nothing_is_left_to_do_after_it_came_true(chat: Deployment) -> None:
    """Convergence: looking again changes nothing and starts nothing."""
    settle(is_ready)
    before = (pid_of(live()), Event.objects.count(), Replica.objects.count())
    for _ in range(3):
        hurry_all()
        settle(is_ready)
    assert (pid_of(live()), Event.objects.count(), Replica.objects.count()) == before


def hurry_all() -> None:
    for row in (Deployment.objects.get(), live()):
        type(row)._default_manager.filter(pk=row.pk).update(next_action_at=row.created_at)


def test_a_killed_engine_is_told_and_started_again(chat: Deployment) -> None:
    settle(is_ready)
    killed = live()
    os.killpg(os.getpgid(pid_of(killed)), signal.SIGKILL)
    hurry_all()
    settle(lambda: live().state == "backoff")
    failed = live()
    assert failed.failure_code == "ENGINE_EXITED"
    assert failed.failure_evidence
    assert failed.attempts == 1
    hurry(failed)
    settle(is_ready)
    assert pid_of(live()) != pid_of(killed)
    assert live().restarts == 1


def test_an_engine_that_fails_to_start_ends_in_backoff_with_its_last_words(
    chat: Deployment, alice: User
) -> None:
    settle(is_ready)
    wishes.deployment_revise(
        actor_of(alice), chat, version=None, parameters={"fail_start": "OUT_OF_MEMORY"}
    )
    settle(lambda: Replica.objects.filter(state="backoff").exists())
    chat.refresh_from_db()
    settle(lambda: Deployment.objects.get().state == "degraded")
    failed = Replica.objects.get(state="backoff")
    assert failed.failure_code == "OUT_OF_MEMORY"
    assert any("memory" in line for line in failed.failure_evidence)
    # The roll stops here: the old revision serves on.
    assert Replica.objects.get(state="ready").revision.number == 1
    wishes.deployment_roll_back(actor_of(alice), chat, version=None, number=1)
    settle(is_ready)
    assert live().revision.number == 1


def test_an_edit_reaches_running_copies_without_a_gap(chat: Deployment, alice: User) -> None:
    settle(is_ready)
    wishes.deployment_revise(actor_of(alice), chat, version=None, parameters={"tokens_per_s": 30.0})

    def serves() -> bool:
        assert Replica.objects.filter(state="ready").exists()
        return is_ready() and live().revision.number == 2

    settle(serves)


def test_scaling_stopping_and_starting(chat: Deployment, alice: User) -> None:
    settle(is_ready)
    actor = actor_of(alice)
    wishes.deployment_scale(actor, chat, version=None, replicas=3)
    settle(lambda: is_ready(3))
    wishes.deployment_stop(actor, chat, version=None)
    settle(lambda: Deployment.objects.get().state == "stopped")
    assert not [p for p in psutil.process_iter() if is_fake(p)]
    wishes.deployment_start(actor, chat, version=None)
    settle(lambda: is_ready(3))


def is_fake(process: psutil.Process) -> bool:
    try:
        environ = process.environ()
    except psutil.Error:
        return False
    return environ.get("SLIPWAY_INSTANCE") == settings.INSTANCE_ID


def test_deleting_leaves_neither_rows_nor_processes(chat: Deployment, alice: User) -> None:
    settle(is_ready)
    wishes.deployment_delete(actor_of(alice), chat, version=None)
    settle(lambda: not Deployment.objects.exists())
    assert not Replica.objects.exists()
    assert not [p for p in psutil.process_iter() if is_fake(p)]


def test_draining_the_only_host_takes_nothing_away(chat: Deployment, alice: User) -> None:
    settle(is_ready)
    host_drain(actor_of(alice), Host.objects.get(), version=None)
    pid = pid_of(live())
    for _ in range(5):
        hurry_all()
        settle(lambda: live().state == "ready")
    assert pid_of(live()) == pid


def test_a_row_lost_after_the_start_finds_its_engine_again(chat: Deployment) -> None:
    """The worker died between starting the process and writing anything down about it."""
    settle(is_ready)
    pid = pid_of(live())
    Replica.objects.update(state="pending", spec_hash="", external_id="", address="")
    hurry_all()
    settle(is_ready)
    assert pid_of(live()) == pid
    assert "replica.adopted" in codes()


def test_draining_moves_one_by_one_and_never_below_the_wish(
    chat: Deployment, here: Host, alice: User
) -> None:
    """Two rows of hosts, one machine: what is moved are real engines all the same."""
    actor = actor_of(alice)
    wishes.deployment_scale(actor, chat, version=None, replicas=2)
    settle(lambda: is_ready(2))
    there = Host.objects.create(name="there", runtime="process", next_action_at=here.created_at)
    settle(lambda: Host.objects.get(name="there").state == "ready")
    host_drain(actor, here, version=None)
    operation = Operation.objects.get(kind="drain_host")

    def is_empty() -> bool:
        assert Replica.objects.filter(state="ready", is_wanted=True).count() >= 2
        operation.refresh_from_db()
        return operation.state == "succeeded"

    settle(is_empty)
    assert operation.result == {"moved": 2}
    settle(lambda: is_ready(2))
    assert {row.host.name for row in Replica.objects.exclude(state="retired")} == {"there"}
    assert here.replicas.exclude(state="retired").count() == 0
    assert there.replicas.filter(state="ready").count() == 2


def test_draining_without_room_elsewhere_says_so_until_it_is_cancelled(
    chat: Deployment, here: Host, alice: User
) -> None:
    settle(is_ready)
    host_drain(actor_of(alice), here, version=None)
    operation = Operation.objects.get(kind="drain_host")

    def is_stuck() -> bool:
        operation.refresh_from_db()
        return operation.failure_code == "NO_ROOM_ELSEWHERE"

    settle(is_stuck)
    assert operation.failure_params["passed_over"] == {"here": "HOST_CLOSED"}
    assert live().state == "ready"
    operation_cancel(actor_of(alice), operation)
    settle(lambda: Host.objects.get().scheduling == "cordoned")
    operation.refresh_from_db()
    assert operation.state == "cancelled"
    assert live().state == "ready"


def test_opening_a_host_again_ends_its_draining(chat: Deployment, here: Host, alice: User) -> None:
    settle(is_ready)
    host_drain(actor_of(alice), here, version=None)
    host_uncordon(actor_of(alice), here, version=None)
    settle(lambda: Operation.objects.get(kind="drain_host").state == "cancelled")
    assert Host.objects.get().scheduling == "open"


def test_an_answer_in_flight_is_finished_before_its_copy_ends(
    chat: Deployment, alice: User
) -> None:
    """Longer than a copy without work is given to end; meanwhile nobody is sent there."""
    wishes.deployment_revise(actor_of(alice), chat, version=None, parameters={"tokens_per_s": 2.0})
    settle(lambda: is_ready() and live().revision.number == 2)
    replica = live()
    asked = threading.Event()
    told: list[str] = []

    def ask() -> None:
        url = f"http://{replica.address}/v1/chat/completions"
        body = {
            "messages": [{"role": "user", "content": "hello"}],
            "max_tokens": 30,
            "stream": True,
        }
        with httpx.stream("POST", url, json=body, timeout=60) as answer:
            for line in answer.iter_lines():
                told.append(line)
                asked.set()

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask)
        assert asked.wait(60)
        begun = time.monotonic()
        wishes.deployment_stop(actor_of(alice), chat, version=None)
        settle(lambda: not Replica.objects.exclude(state__in=["stopping", "retired"]).exists())
        settle(lambda: Deployment.objects.get().state == "stopped", within_s=120)
        answer.result(60)
    assert time.monotonic() - begun > STOP_GRACE_S  # else it proves nothing
    assert "data: [DONE]" in told
    reasons = [json.loads(line[6:])["choices"][0]["finish_reason"] for line in told if "{" in line]
    assert reasons[-1] in {"length", "stop"}
