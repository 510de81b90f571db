"""One dead host costs one slot, all dead hosts together a few, and none of them a miss too many."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from models_app.domain.failures import FailureCode, RuntimeUnreachableError
from models_app.models import Host
from tests.factories import make_host
from workers.reconcilers import bulkhead, runtimes
from workers.reconcilers.bulkhead import Bulkhead, HostBusyError
from workers.reconcilers.hosts import reconcile_host
from workers.reconcilers.runtimes import runtime_of
from workers.runtimes.docker.transport import TIMEOUT_S

pytestmark = pytest.mark.django_db


def a_host(*, seen_s: float = 1.0, **fields: Any) -> Host:
    seen = timezone.now() - timedelta(seconds=seen_s)
    return make_host(runtime="docker", last_seen_at=seen, **fields)


def dead_host(**fields: Any) -> Host:
    return a_host(seen_s=300.0, misses=1, **fields)


def test_a_host_that_answers_has_slots_but_not_all() -> None:
    slots, host = Bulkhead(), a_host()
    with ExitStack() as stack:
        for _ in range(bulkhead.PER_HOST):
            assert not stack.enter_context(slots.call(host, probing=False))
        with pytest.raises(HostBusyError), slots.call(host, probing=False):
            pass
        with slots.call(a_host(), probing=False):
            pass
    with slots.call(host, probing=False):
        pass


def test_a_call_that_takes_long_keeps_others_away_from_that_host_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulkhead, "SLOW_S", 0.01)
    slots, slow = Bulkhead(), a_host()
    with slots.call(slow, probing=False):
        time.sleep(0.02)
        with pytest.raises(HostBusyError), slots.call(slow, probing=True):
            pass
        with slots.call(a_host(), probing=False):
            pass


def test_who_receives_an_artifact_is_still_looked_at_and_can_be_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulkhead, "SLOW_S", 0.01)
    slots, receiving = Bulkhead(copy_slots=2), a_host()
    with slots.copy(receiving):
        time.sleep(0.02)
        with pytest.raises(HostBusyError), slots.copy(receiving):
            pass
        with slots.call(receiving, probing=True), slots.call(receiving, probing=False):
            pass
    with slots.copy(receiving):
        pass


def test_copying_leaves_threads_for_everything_else() -> None:
    slots, hosts = Bulkhead(copy_slots=2), [a_host() for _ in range(3)]
    with slots.copy(hosts[0]), slots.copy(hosts[1]):
        with pytest.raises(HostBusyError), slots.copy(hosts[2]):
            pass
        with slots.call(hosts[2], probing=False):
            pass


def test_nothing_is_copied_to_a_host_that_may_be_dead() -> None:
    slots, host = Bulkhead(), a_host()
    with pytest.raises(HostBusyError), slots.copy(dead_host()):
        pass
    with pytest.raises(RuntimeUnreachableError), slots.copy(host):
        raise RuntimeUnreachableError
    with pytest.raises(HostBusyError), slots.copy(host):
        pass


def test_a_host_that_may_be_dead_is_only_looked_for_and_by_few() -> None:
    slots, dead = Bulkhead(doubtful_slots=2), [dead_host() for _ in range(3)]
    with pytest.raises(HostBusyError), slots.call(dead[0], probing=False):
        pass
    with ExitStack() as stack:
        assert stack.enter_context(slots.call(dead[0], probing=True))
        with pytest.raises(HostBusyError), slots.call(dead[0], probing=True):
            pass
        stack.enter_context(slots.call(dead[1], probing=True))
        with pytest.raises(HostBusyError), slots.call(dead[2], probing=True):
            pass
        with slots.call(a_host(), probing=False):
            pass
    with slots.call(dead[2], probing=True):
        pass


def test_the_longer_the_line_the_later_each_asks_again() -> None:
    slots, dead = Bulkhead(doubtful_slots=1), [dead_host() for _ in range(9)]

    def again_s(host: Host) -> float:
        with pytest.raises(HostBusyError) as busy, slots.call(host, probing=True):
            pass
        return busy.value.again_s

    with slots.call(dead[0], probing=True):
        waits = [again_s(host) for host in dead[1:]]
        assert waits == sorted(waits)
        assert waits[0] == bulkhead.BUSY_AGAIN_S
        assert waits[-1] == bulkhead.LINE_LIMIT_S
        assert again_s(dead[-1]) == waits[-1]  # it stands in the line once
    for host in dead[1:]:
        with slots.call(host, probing=True):
            pass
    with slots.call(dead[0], probing=True):
        assert again_s(dead[1]) == bulkhead.BUSY_AGAIN_S  # whoever had a turn has left the line


def test_what_this_process_met_counts_until_the_host_was_seen_again() -> None:
    slots, host = Bulkhead(), a_host()
    with pytest.raises(RuntimeUnreachableError), slots.call(host, probing=False):
        raise RuntimeUnreachableError
    with pytest.raises(HostBusyError), slots.call(host, probing=False):
        pass
    host.last_seen_at = timezone.now() + timedelta(seconds=1)  # another process saw it since
    with slots.call(host, probing=False):
        pass


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


def test_a_busy_host_is_not_a_missed_one(silent_port: int) -> None:
    connection = {"transport": "tcp", "address": f"127.0.0.1:{silent_port}", "plain": True}
    host = dead_host(connection=connection, state="unreachable")
    with bulkhead.BULKHEAD.call(host, probing=True):
        reconcile_host(host.pk)
    host.refresh_from_db()
    assert host.misses == 1
    assert host.lease_until is None
    assert host.next_action_at is not None
    due_s = (host.next_action_at - timezone.now()).total_seconds()
    assert 1 < due_s <= bulkhead.BUSY_AGAIN_S


def test_knocking_tells_a_closed_door_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    host = dead_host(connection={"transport": "tcp", "address": f"127.0.0.1:{port}", "plain": True})
    with pytest.raises(RuntimeUnreachableError) as lost, runtime_of(host, probing=True):
        pass
    assert lost.value.code == FailureCode.CONNECTION_REFUSED


def test_who_takes_a_connection_and_says_nothing_is_not_waited_for_long(
    silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "GREET_S", 0.2)
    connection = {"transport": "tcp", "address": f"127.0.0.1:{silent_port}", "plain": True}
    host = dead_host(connection=connection, state="unreachable")
    began = time.monotonic()
    with pytest.raises(RuntimeUnreachableError), runtime_of(host, probing=True):
        pass
    assert time.monotonic() - began < TIMEOUT_S  # of any other call
    reconcile_host(host.pk)
    host.refresh_from_db()
    assert host.misses == 2


def test_threads_never_hold_more_than_there_is() -> None:
    slots, dead = Bulkhead(doubtful_slots=3), [dead_host() for _ in range(10)]
    inside, most, guard = 0, 0, threading.Lock()

    def probe(host: Host) -> None:
        nonlocal inside, most
        for _ in range(50):
            try:
                with slots.call(host, probing=True):
                    with guard:
                        inside += 1
                        most = max(most, inside)
                    time.sleep(0.001)
                    with guard:
                        inside -= 1
            except HostBusyError:
                time.sleep(0.0005)

    threads = [threading.Thread(target=probe, args=(host,)) for host in dead]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most <= 3
    with ExitStack() as stack:
        for host in dead[:3]:
            stack.enter_context(slots.call(host, probing=True))
