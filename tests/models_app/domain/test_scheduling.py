"""Which host takes a replica, and what is said of the others."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis.strategies import (
    booleans,
    builds,
    dictionaries,
    integers,
    just,
    lists,
    none,
    sampled_from,
)

from models_app.domain.scheduling import (
    Apart,
    HostOffer,
    Need,
    Policy,
    choose_host,
    known_labels,
    why_not,
)
from models_app.domain.states import HostState, Scheduling

GIB = 1 << 30
NEED = Need(runtimes=("process",), memory_bytes=GIB)


def offer(name: str, **changes: object) -> HostOffer:
    base = HostOffer(
        host_id=hash(name),
        name=name,
        state=HostState.READY,
        scheduling=Scheduling.OPEN,
        runtime="process",
        labels={},
        room_bytes=4 * GIB,
        replicas_of_this=0,
        has_artifact=False,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_spread_takes_the_emptiest_and_pack_the_fullest() -> None:
    offers = [offer("a", replicas_of_this=1), offer("b")]
    assert choose_host(NEED, offers).host == "b"
    assert choose_host(replace(NEED, policy="pack"), offers).host == "a"


def test_a_host_that_has_the_file_is_preferred_over_one_with_more_room() -> None:
    offers = [offer("a", room_bytes=9 * GIB), offer("b", has_artifact=True)]
    assert choose_host(NEED, offers).host == "b"


def test_every_host_passed_over_has_its_reason() -> None:
    offers = [
        offer("small", room_bytes=GIB // 2),
        offer("closed", scheduling=Scheduling.CORDONED),
        offer("silent", state=HostState.UNREACHABLE),
        offer("other", runtime="ollama"),
        offer("elsewhere", labels={"site": "rome"}),
    ]
    choice = choose_host(replace(NEED, selector={"site": "milan"}), offers)
    assert choice.host is None
    assert choice.reason["passed_over"] == dict.fromkeys(
        ("small", "closed", "silent", "other", "elsewhere"), "LABELS_DIFFER"
    )
    reasons = choose_host(NEED, offers).reason["passed_over"]
    assert reasons == {
        "small": "NOT_ENOUGH_MEMORY",
        "closed": "HOST_CLOSED",
        "silent": "HOST_NOT_READY",
        "other": "RUNTIME_UNSUPPORTED",
    }


def test_unknown_memory_blocks_automatic_placement_but_not_a_named_host() -> None:
    need = replace(NEED, memory_bytes=None)
    assert choose_host(need, [offer("a")]).reason["passed_over"] == {"a": "MEMORY_UNKNOWN"}
    assert choose_host(replace(need, hosts=("a",)), [offer("a"), offer("b")]).host == "a"


def test_copies_apart_where_possible_or_always() -> None:
    offers = [offer("a", replicas_of_this=1), offer("b", room_bytes=GIB // 2)]
    pack = replace(NEED, policy="pack")
    assert choose_host(replace(NEED, apart="prefer"), offers).host == "a"
    never = choose_host(replace(NEED, apart="require"), offers)
    assert never.host is None
    assert never.refused == {"a": "COPY_THERE", "b": "NOT_ENOUGH_MEMORY"}
    both = [offer("a", replicas_of_this=1), offer("b")]
    assert choose_host(pack, both).host == "a"
    assert choose_host(replace(pack, apart="prefer"), both).host == "b"


@pytest.mark.parametrize(
    ("policy", "other", "why"),
    [
        ("spread", {"replicas_of_this": 1}, "MORE_COPIES"),
        ("spread", {"room_bytes": 2 * GIB}, "LESS_ROOM"),
        ("spread", {"has_artifact": False}, "FILE_NOT_THERE"),
        ("spread", {}, "AS_GOOD"),
        ("pack", {"room_bytes": 5 * GIB}, "MORE_ROOM"),
    ],
)
def test_a_host_that_could_take_it_is_told_why_another_was_better(
    policy: str, other: dict[str, object], why: str
) -> None:
    offers = [offer("a", has_artifact=True), offer("b", **{"has_artifact": True, **other})]
    choice = choose_host(replace(NEED, policy=policy), offers)
    assert choice.host == "a"
    assert choice.reason["passed_over"] == {"b": why}
    assert choice.refused == {}


def test_packing_gathers_copies() -> None:
    choice = choose_host(replace(NEED, policy="pack"), [offer("a"), offer("b", replicas_of_this=2)])
    assert (choice.host, choice.reason["passed_over"]) == ("b", {"a": "FEWER_COPIES"})


def test_hosts_have_labels_by_themselves_and_those_people_wrote_go_before() -> None:
    facts = {"gpus": [{"vendor": "nvidia"}], "architecture": "aarch64"}
    assert known_labels({"site": "rome"}, runtime="docker", facts=facts) == {
        "site": "rome",
        "gpu": "nvidia",
        "runtime": "docker",
        "architecture": "aarch64",
    }
    none = known_labels({"gpu": "broken"}, runtime="process", facts={"gpus": []})
    assert none["gpu"] == "broken"
    assert known_labels({}, runtime="process", facts={"gpus": []})["gpu"] == "none"
    assert "gpu" not in known_labels({}, runtime="docker", facts={})  # not known yet
    unseen = {"gpus": None, "architecture": ""}
    assert known_labels({}, runtime="ollama", facts=unseen) == {"runtime": "ollama"}


def test_what_is_kept_of_a_choice_is_bounded() -> None:
    offers = [offer(f"h{n:03}", scheduling=Scheduling.CORDONED) for n in range(300)]
    choice = choose_host(NEED, [*offers, offer("open")])
    assert len(choice.reason["passed_over"]) == 40
    assert choice.reason["passed_over_more"] == {"HOST_CLOSED": 260}
    assert len(choice.refused) == 300


names = sampled_from(["a", "b", "c", "d", "e"])
offered = lists(
    builds(
        HostOffer,
        host_id=integers(0, 9),
        name=names,
        state=sampled_from(HostState),
        scheduling=sampled_from(Scheduling),
        runtime=sampled_from(["process", "docker"]),
        labels=dictionaries(sampled_from(["site", "gpu"]), sampled_from(["rome", "none"])),
        room_bytes=none() | integers(0, 9),
        replicas_of_this=integers(0, 3),
        has_artifact=booleans(),
    ),
    unique_by=lambda one: one.name,
)
needs = builds(
    Need,
    runtimes=just(("process",)),
    memory_bytes=none() | integers(0, 9),
    hosts=lists(names, max_size=2),
    selector=dictionaries(sampled_from(["site", "gpu"]), sampled_from(["rome", "none"])),
    policy=sampled_from(Policy),
    apart=sampled_from(Apart),
)


@given(needs, offered)
def test_whatever_is_offered_the_choice_may_take_it_and_every_other_host_has_its_reason(
    need: Need, offers: list[HostOffer]
) -> None:
    choice = choose_host(need, offers)
    told = dict(choice.reason["passed_over"])
    assert set(told) | ({choice.host} if choice.host else set()) == {one.name for one in offers}
    assert choice.host not in told
    if choice.host is None:
        assert all(why_not(need, one) for one in offers)
        return
    chosen = next(one for one in offers if one.name == choice.host)
    assert (chosen.state, chosen.scheduling) == (HostState.READY, Scheduling.OPEN)
    assert chosen.runtime == "process"
    assert not need.hosts or chosen.name in need.hosts
    assert all(chosen.labels.get(key) == value for key, value in need.selector.items())
    assert need.apart != Apart.REQUIRE or chosen.replicas_of_this == 0
    if need.memory_bytes is not None and chosen.room_bytes is not None:
        assert chosen.room_bytes >= need.memory_bytes
    for one in offers:
        if one.name != choice.host and why_not(need, one) is None and need.policy == Policy.SPREAD:
            assert one.replicas_of_this >= chosen.replicas_of_this
