"""Each way to fail while starting or serving, brought about on a real process, told by its code."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import psutil
import pytest
from django.utils import timezone

from models_app.domain.specs import ProbeSpec, WorkloadSpec
from models_app.models import Deployment, Event, Replica, User
from models_app.services import deployments as wishes
from tests.factories import actor_of
from tests.workers.reconcilers.driving import hurry, settle
from tests.workers.reconcilers.test_replicas import (
    codes,
    hurry_all,
    is_ready,
    live,
    pid_of,
)
from workers.clients import engine_http
from workers.engines.fake.engine import FakeEngine
from workers.reconcilers import replica_drain, replica_watch
from workers.reconcilers.base import backoff_s

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def patient_only(monkeypatch: pytest.MonkeyPatch, **limits: float) -> None:
    """Shorten what the watch waits for, so that a test need not take minutes."""
    probe_of = FakeEngine.probe

    def probe(engine: FakeEngine, spec: WorkloadSpec) -> ProbeSpec:
        return replace(probe_of(engine, spec), **limits)  # type: ignore[arg-type]

    monkeypatch.setattr(FakeEngine, "probe", probe)


def revise(alice: User, chat: Deployment, **parameters: Any) -> None:
    wishes.deployment_revise(actor_of(alice), chat, version=None, parameters=parameters)


def newest() -> Replica:
    return Replica.objects.latest("pk")


def is_failed(*, attempts: int = 1) -> bool:
    return Replica.objects.filter(state="backoff", attempts=attempts).exists()


def looked_at_until(is_true: Callable[[], bool], *, every_s: float) -> None:
    """Look again and again, and not only when the row is due."""

    def look() -> bool:
        hurry_all()
        time.sleep(every_s)
        return is_true()

    settle(look, within_s=120)


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(0, 10), (1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300), (7, 300), (1000, 300)],
)
def test_waits_double_up_to_five_minutes(attempts: int, seconds: float) -> None:
    assert backoff_s(attempts) == seconds


def test_every_failure_in_a_row_waits_longer(chat: Deployment, alice: User) -> None:
    revise(alice, chat, fail_start="ENGINE_EXITED")
    waits = []
    for attempt in (1, 2, 3):
        settle(partial(is_failed, attempts=attempt))
        told = Event.objects.filter(code="replica.backoff").order_by("-pk")[0]
        waits.append(told.params["retry_s"])
        hurry(newest())
    assert waits == [10.0, 20.0, 40.0]
    assert newest().failure_code == "ENGINE_EXITED"


def test_ten_good_minutes_and_earlier_failures_no_longer_count(chat: Deployment) -> None:
    settle(is_ready)
    for minutes, left in ((9, 4), (11, 0)):
        since = timezone.now() - timedelta(minutes=minutes)
        Replica.objects.update(attempts=4, ready_at=since)
        hurry_all()
        settle(lambda: not Replica.objects.filter(next_action_at__lte=timezone.now()).exists())
        assert live().attempts == left


def test_a_start_without_progress_is_given_up(
    chat: Deployment, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient_only(monkeypatch, startup_stall_s=3.0)
    revise(alice, chat, startup_delay_s=3600.0, startup_silent=True)
    settle(is_failed, within_s=120)
    assert newest().failure_code == "STARTUP_STALLED"
    assert newest().failure_params["seconds"] >= 3


def test_an_engine_that_makes_no_token_is_not_ready(
    chat: Deployment, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_http, "COMPLETION_TIMEOUT_S", 0.3)
    monkeypatch.setattr(replica_watch, "LOOK_STARTING_S", 0.02)
    revise(alice, chat, stall_after_tokens=0)
    settle(is_failed, within_s=120)
    assert newest().failure_code == "READINESS_FAILED"
    assert "Timeout" in newest().failure_params["answer"]
    assert newest().ready_at is None


def test_an_engine_that_falls_silent_is_taken_out_then_restarted(
    chat: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient_only(monkeypatch, probe_timeout_s=0.3)
    settle(is_ready)
    frozen = live()
    os.killpg(os.getpgid(pid_of(frozen)), signal.SIGSTOP)
    looked_at_until(lambda: live().state == "unhealthy", every_s=0.0)
    looked_at_until(lambda: live().state == "backoff", every_s=0.0)
    assert live().failure_code == "HEALTH_LOST"
    assert live().failure_params["misses"] == replica_watch.MISSES_TO_RESTART
    hurry(live())
    monkeypatch.undo()  # it may take as long as it needs to come back
    settle(is_ready)
    assert not psutil.pid_exists(pid_of(frozen))


def test_requests_that_stand_still_behind_a_fine_health_page_are_noticed(
    chat: Deployment, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica_watch, "STUCK_S", 2.0)
    monkeypatch.setattr(replica_watch, "STUCK_RESTART_S", 6.0)
    # Looks this close to each other cost the engine more than those of every five seconds.
    monkeypatch.setattr(replica_drain, "WORKING_PERCENT", 40.0)
    revise(alice, chat, stall_after_tokens=3)
    settle(lambda: is_ready() and live().revision.number == 2)
    with begun_answer(live().address):
        looked_at_until(lambda: live().state == "unhealthy", every_s=0.3)
        assert "replica.stuck" in codes()
        looked_at_until(lambda: live().state == "backoff", every_s=0.3)
    assert live().failure_code == "ENGINE_STUCK"


def test_a_long_answer_is_not_taken_for_standing_still(
    chat: Deployment, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica_watch, "STUCK_S", 2.0)
    revise(alice, chat, tokens_per_s=5.0)
    settle(lambda: is_ready() and live().revision.number == 2)
    until = time.monotonic() + 6.0
    with begun_answer(live().address):
        looked_at_until(lambda: time.monotonic() > until, every_s=0.3)
    assert live().state == "ready"
    assert "replica.stuck" not in codes()


@contextmanager
def begun_answer(address: str) -> Iterator[None]:
    """Hold an answer open that has begun."""
    url = f"http://{address}/v1/chat/completions"
    body = {
        "messages": [{"role": "user", "content": "go on"}],
        "max_tokens": 1000,
        "stream": True,
    }
    with httpx.stream("POST", url, json=body, timeout=60) as answer:
        lines = answer.raise_for_status().iter_lines()  # to drop it would hang up
        assert next(lines)
        yield
        del lines
