"""The limits of sockets, on a clock that the test turns."""

from controlplane.live.limits import FrameBudget, SocketCount


def test_a_burst_then_the_steady_rate():
    now = [0.0]
    budget = FrameBudget(per_s=20, burst=40, clock=lambda: now[0])
    assert [budget.spend() for _ in range(41)] == [True] * 40 + [False]
    now[0] = 0.5
    assert [budget.spend() for _ in range(11)] == [True] * 10 + [False]
    now[0] = 1000
    assert sum(budget.spend() for _ in range(100)) == 40


def test_sockets_are_counted_per_user_and_forgotten():
    count = SocketCount(limit=2)
    assert [count.enter(1), count.enter(1), count.enter(1), count.enter(2)] == [1, 1, 0, 1]
    count.leave(1)
    assert count.enter(1)
    for user in (1, 1, 2):
        count.leave(user)
    assert not count._open
