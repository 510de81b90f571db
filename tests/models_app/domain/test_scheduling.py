"""Which host takes a replica, and what is said of the others."""

from dataclasses import replace

from models_app.domain.scheduling import HostOffer, Need, choose_host
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
