"""The choice of a replica: even work, ejection, probe, and never nobody when there is somebody."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from controlplane.gateway.choose import EJECTED_S, IDLE, Load, choose
from tests.controlplane.gateway import routing

DICE = Random(7)


def replica(address, number=0, slots=1000):
    return routing.replica(address, number, slots)


def sick(now: float) -> Load:
    return IDLE.failed(now).failed(now).failed(now)


def test_nobody_to_choose_from():
    assert choose([], {}, 0, DICE) is None


def test_of_two_the_less_loaded():
    a, b = replica("a", 0), replica("b", 1)
    assert choose([a, b], {a.id: Load(2), b.id: Load(1)}, 0, DICE) == b


def test_work_counts_by_slot():
    big, small = replica("a", 0, slots=8), replica("b", 1, slots=2)
    assert choose([big, small], {big.id: Load(3), small.id: Load(1)}, 0, DICE) == big


def test_equal_loads_are_spread():
    pool = [replica("x", number) for number in range(4)]
    taken = Counter(choose(pool, {}, 0, DICE).id for _ in range(400))
    assert len(taken) == 4
    assert min(taken.values()) > 40


def test_requests_that_stay_are_spread_evenly():
    pool = [replica("x", number) for number in range(10)]
    loads: dict[str, Load] = {}
    for _ in range(1000):
        chosen = choose(pool, loads, 0, DICE)
        loads[chosen.id] = loads.get(chosen.id, IDLE).asked()
    counts = [load.outstanding for load in loads.values()]
    assert max(counts) - min(counts) <= 12


def test_the_third_failure_in_a_row_ejects():
    a, b = replica("a", 0), replica("b", 1)
    twice = IDLE.failed(0).failed(0)
    assert twice.is_eligible(0)
    loads = {a.id: sick(0), b.id: Load(50)}
    assert choose([a, b], loads, EJECTED_S - 1, DICE) == b


def test_after_its_time_one_probe_at_once():
    load = sick(0)
    assert not load.is_eligible(EJECTED_S - 0.1)
    assert load.is_eligible(EJECTED_S)
    assert not load.asked().is_eligible(EJECTED_S)


def test_a_failed_probe_ejects_again_and_a_good_one_heals():
    probe = sick(0).asked()
    assert not probe.ended().failed(40).is_eligible(40 + EJECTED_S - 1)
    assert probe.ended().succeeded() == IDLE


def test_when_all_are_ejected_none_is():
    a = replica("a", 0)
    assert choose([a], {a.id: sick(0)}, 1, DICE) == a


LOADS = st.builds(Load, st.integers(0, 5), st.integers(0, 5), st.floats(0, 100, allow_nan=False))


@given(st.lists(LOADS, min_size=1, max_size=8), st.floats(0, 100), st.integers())
def test_somebody_is_always_chosen_and_an_ejected_one_only_when_all_are(loads, now, seed):
    pool = [replica("x", number) for number in range(len(loads))]
    by_id = {r.id: load for r, load in zip(pool, loads, strict=True)}
    chosen = choose(pool, by_id, now, Random(seed))
    assert chosen in pool
    if any(load.is_eligible(now) for load in loads):
        assert by_id[chosen.id].is_eligible(now)


def test_a_replica_without_a_free_slot_is_not_asked():
    a, b = replica("a", 0, slots=2), replica("b", 1, slots=2)
    assert choose([a, b], {a.id: Load(2), b.id: Load(1)}, 0, DICE) == b
    assert choose([a, b], {a.id: Load(2), b.id: Load(2)}, 0, DICE) is None


def test_slots_of_an_ejected_replica_are_not_free_while_another_is_sound():
    a, b = replica("a", 0, slots=2), replica("b", 1, slots=2)
    assert choose([a, b], {a.id: sick(0), b.id: Load(2)}, 1, DICE) is None


@given(st.text(), st.integers(0, 9))
def test_who_asks_for_affinity_meets_the_same_replica_until_it_is_full_or_gone(session, gone):
    pool = [replica("x", number) for number in range(10)]
    first = choose(pool, {}, 0, DICE, session or "s")
    loads = {r.id: Load(r.slots - 1) for r in pool if r == first}
    assert choose(list(reversed(pool)), loads, 0, DICE, session or "s") == first
    left = [r for r in pool if r.index != gone]
    moved = choose(left, {}, 0, DICE, session or "s")
    assert (moved == first) == (first.index != gone)
    full = {first.id: Load(first.slots)}
    assert choose(pool, full, 0, DICE, session or "s") != first
