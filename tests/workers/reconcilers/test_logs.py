"""Following a replica's output: from its tail on, without a gap, and honest when it cannot."""

from contextlib import contextmanager

import pytest

from models_app.domain.failures import FailureCode, RuntimeUnreachableError, fail
from models_app.domain.specs import LogLine
from tests.factories import make_replica
from workers.reconcilers import logs
from workers.reconcilers.logs import CALLS, FIRST_LINES, LINES_PER_CALL, follow

pytestmark = pytest.mark.django_db


class Output:
    """A runtime whose workload has written so many lines of ten bytes."""

    def __init__(self, count, error=None):
        self.count = count
        self.error = error
        self.names = set()

    def __enter__(self):
        if self.error:
            raise self.error
        return self

    def __exit__(self, *_):
        return None

    def tail(self, name, *, lines, previous=False):
        self.names.add(name)
        if previous:
            return [LogLine(0, "before")]
        return self._lines(max(0, self.count - lines), self.count)

    def logs(self, name, *, after, limit):
        start = after // 10 + 1
        return self._lines(start, min(self.count, start + limit))

    def _lines(self, first, end):
        return [LogLine(number * 10, f"line {number}") for number in range(first, end)]


class Step:
    """What `following` would give, kept in memory."""

    def __init__(self, after=None, *, wants_previous=False):
        self.after = after
        self.wants_previous = wants_previous
        self.carried = []
        self.troubles = []
        self.previous = None

    def append(self, lines, *, after):
        self.carried += lines
        self.after = after

    def report(self, trouble):
        self.troubles.append(str(trouble))

    def answer_previous(self, lines):
        self.previous = lines


@pytest.fixture
def take(monkeypatch):
    """`take(step, output)`: one step of following a replica that writes this."""

    def one(step, output, replica=None):
        @contextmanager
        def following(_replica_id):
            yield step

        monkeypatch.setattr(logs, "following", following)
        monkeypatch.setattr(logs, "runtime_of", lambda host: output)
        follow((replica or make_replica()).pk)
        return step

    return one


def test_the_first_step_carries_the_end_of_what_there_is(take):
    step = take(Step(), Output(2000))
    assert [line.text for line in step.carried[-2:]] == ["line 1998", "line 1999"]
    assert len(step.carried) == FIRST_LINES
    assert step.after == 19990


def test_nothing_written_yet(take):
    assert take(Step(), Output(0)).after == -1


def test_the_next_steps_go_on_where_the_last_ended(take):
    step = take(Step(), Output(3))
    take(step, Output(700))
    assert [line.offset for line in step.carried] == [n * 10 for n in range(700)]


def test_a_flood_takes_a_bounded_step(take):
    step = take(Step(after=0), Output(100_000))
    assert len(step.carried) == CALLS * LINES_PER_CALL


def test_it_reads_the_workload_of_the_replica(take):
    output, replica = Output(1), make_replica()
    take(Step(), output, replica)
    assert output.names == {replica.workload}


def test_the_run_before_when_asked(take):
    step = take(Step(wants_previous=True), Output(1))
    assert step.previous == [LogLine(0, "before")]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeUnreachableError(), "HOST_UNREACHABLE"),
        (fail(FailureCode.RUNTIME_UNSUPPORTED), "RUNTIME_UNSUPPORTED"),
    ],
)
def test_why_no_lines_come(take, error, code):
    step = take(Step(), Output(0, error))
    assert (step.troubles, step.carried) == ([code], [])


def test_not_our_step(take):
    take(None, Output(0, AssertionError("must not be opened")))


def test_a_replica_that_is_gone(take, monkeypatch):
    step = Step()
    replica = make_replica()
    replica_id = replica.pk

    class Gone:
        pk = replica_id

    replica.delete()
    assert take(step, Output(1), Gone).troubles == ["HOST_UNREACHABLE"]
