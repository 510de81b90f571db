"""Both ends of the log transport over a real broker: nothing without a reader, one follower."""

import asyncio
import threading

import pytest

from models_app.domain.errors import UnavailableError
from models_app.domain.specs import LogLine
from models_app.notify import log_following, logs, workers
from models_app.notify.log_following import following
from models_app.notify.log_keys import CAP, broker, log_key

REPLICA = 7


@pytest.fixture
def asked(broker_url, monkeypatch):
    """What was asked of the hands; nothing is sent."""
    calls: list[object] = []
    monkeypatch.setattr(workers, "ask_for_logs", lambda replica: calls.append("follow"))
    monkeypatch.setattr(workers, "send_later", lambda task, row, s: calls.append((task, row, s)))
    return calls


def lines(first, last):
    return [LogLine(number * 10, f"line {number}") for number in range(first, last + 1)]


def carry(batch):
    with following(REPLICA) as step:
        assert step is not None
        step.append(batch, after=batch[-1].offset if batch else -1)


def let_next_step_begin():
    """As if the pause were over."""
    with broker() as client:
        client.delete(log_key(REPLICA, "follower"))


async def test_without_a_reader_nothing_is_carried(asked):
    with following(REPLICA) as step:
        assert step is None
    assert asked == []


async def test_a_reader_asks_the_hands_until_they_are_at_work(asked):
    async with logs.reading(REPLICA) as reader:
        await reader.announce()
        assert asked == ["follow"]
        carry(lines(1, 3))
        assert asked[1:] == [(workers.FOLLOW_LOGS, REPLICA, log_following.PAUSE_S + 0.05)]
        await reader.announce()
        assert len(asked) == 2


async def test_lines_come_in_order_from_the_cursor_on(asked):
    async with logs.reading(REPLICA) as reader:
        await reader.announce()
        carry(lines(1, 3))
        first = await reader.read("0")
        assert [line.text for line in first.lines] == ["line 1", "line 2", "line 3"]
        let_next_step_begin()
        carry(lines(4, 4))
        second = await reader.read(first.cursor)
        assert second.lines == (LogLine(40, "line 4"),)
        assert second.missed == 0
        assert (await reader.read(second.cursor, wait_s=0.05)).lines == ()


async def test_a_waiting_reader_gets_a_line_when_it_comes(asked):
    async with logs.reading(REPLICA) as reader:
        await reader.announce()
        waiting = asyncio.create_task(reader.read("0", wait_s=2))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(carry, lines(1, 1))
        assert (await waiting).lines == (LogLine(10, "line 1"),)


async def test_one_follower_at_a_time(asked):
    async with logs.reading(REPLICA) as reader:
        await reader.announce()
        with following(REPLICA) as step, following(REPLICA) as second:
            assert step is not None
            assert second is None
        with following(REPLICA) as stray:  # a message that comes in the pause
            assert stray is None
    assert len([call for call in asked if call != "follow"]) == 1


async def test_the_stream_is_capped_and_a_slow_reader_learns_what_it_missed(asked):
    async with logs.reading(REPLICA) as reader:
        await reader.announce()
        carry(lines(1, 10))
        first = await reader.read("0")
        let_next_step_begin()
        carry(lines(11, 11 + 3 * CAP))
        second = await reader.read(first.cursor)
        assert second.missed > CAP
        assert second.lines[0].text == f"line {11 + second.missed}"
        with broker() as client:
            assert client.xlen(log_key(REPLICA, "lines")) < CAP + 200


async def test_an_endless_line_is_cut(asked):
    async with logs.reading(REPLICA) as reader:
        await reader.announce()
        carry([LogLine(0, "x" * 100_000)])
        assert len((await reader.read("0")).lines[0].text) == 2000


async def test_why_no_lines_come(asked):
    async with logs.reading(REPLICA) as reader:
        await reader.announce()
        with following(REPLICA) as step:
            step.report("HOST_UNREACHABLE")
        assert (await reader.read("0", wait_s=0.05)).trouble == "HOST_UNREACHABLE"
        let_next_step_begin()
        carry([])
        assert (await reader.read("0", wait_s=0.05)).trouble == ""


def test_recent_lines_for_who_does_not_stay(asked, monkeypatch):
    monkeypatch.setattr(
        workers,
        "ask_for_logs",
        lambda replica: threading.Thread(target=carry, args=[lines(1, 9)]).start(),
    )
    assert [line.text for line in logs.read_recent(REPLICA, lines=2)] == ["line 8", "line 9"]


def test_the_run_before_for_who_asks_for_it(asked, monkeypatch):
    def hands():
        with following(REPLICA) as step:
            assert step.wants_previous
            step.answer_previous(lines(1, 5))

    monkeypatch.setattr(
        workers, "ask_for_logs", lambda replica: threading.Thread(target=hands).start()
    )
    found = logs.read_recent(REPLICA, lines=2, previous=True)
    assert [line.text for line in found] == ["line 4", "line 5"]


def test_hands_that_do_not_come_are_waited_for_a_while(asked, monkeypatch):
    monkeypatch.setattr(logs, "WAIT_S", 0.2)
    with pytest.raises(UnavailableError, match="LOGS_UNAVAILABLE"):
        logs.read_recent(REPLICA, lines=5)


async def test_a_broker_that_is_away_is_said_so(settings, tmp_path):
    settings.BROKER_URL = f"unix://{tmp_path}/nobody.sock"
    with pytest.raises(UnavailableError, match="LOGS_UNAVAILABLE"):
        logs.read_recent(REPLICA, lines=5)
    with pytest.raises(UnavailableError, match="LOGS_UNAVAILABLE"):
        async with logs.reading(REPLICA) as reader:
            await reader.announce()
