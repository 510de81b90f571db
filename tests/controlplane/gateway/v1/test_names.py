"""Model names: aliases by weight and with fallback, what loads says so, sessions stay together."""

from collections import Counter

import pytest
from asgiref.sync import sync_to_async

from models_app.domain.states import PlacementState, ReplicaState
from models_app.models import Deployment, Replica
from models_app.services.aliases import Share, alias_create
from tests.controlplane.gateway.routing import NOWHERE
from tests.controlplane.gateway.scripted_engine import plain, scripted_engine
from tests.controlplane.gateway.v1.served import chat, served
from tests.factories import actor_of, make_deployment, make_placement, make_replica

ANSWER = b'{"choices":[]}'
UNLIMITED = dict.fromkeys(("concurrent_requests", "requests_per_minute", "tokens_per_minute"))


@pytest.fixture
async def engine():
    async with scripted_engine(plain(200, ANSWER)) as running:
        yield running


async def make_alias(it, weights, fallback=()):
    targets = [Share(name, weight) for name, weight in weights.items()]
    await sync_to_async(alias_create)(
        actor_of(it.owner), name="best", targets=targets, fallback=fallback
    )
    await it.desk.names.refresh()


async def test_an_alias_shares_by_weight(engine):
    async with served({"a": engine.address, "b": engine.address}, limits=UNLIMITED) as it:
        await make_alias(it, {"a": 3, "b": 1})
        answers = [await it.chat("best") for _ in range(80)]
        listed = [one["id"] for one in (await it.client.get("/v1/models")).json()["data"]]
        record = it.records()[-1]
    taken = Counter(answer.headers["x-slipway-deployment"] for answer in answers)
    assert {answer.status_code for answer in answers} == {200}
    assert taken["a"] > taken["b"] > 5
    assert listed == ["a", "b", "best"]
    assert record.alias == "best"


async def test_who_is_not_ready_gets_no_share(engine):
    await sync_to_async(make_deployment)("b")
    async with served({"a": engine.address}, limits=UNLIMITED) as it:
        await make_alias(it, {"a": 1, "b": 99})
        assert {(await it.chat("best")).status_code for _ in range(10)} == {200}


async def test_the_fallback_answers_when_the_target_cannot(engine):
    await sync_to_async(make_deployment)("empty")
    async with served({"a": NOWHERE, "b": engine.address}, limits=UNLIMITED) as it:
        await make_alias(it, {"a": 1}, fallback=["empty", "b"])
        answer = await it.chat("best")
        alone = await it.chat("a")
    assert answer.headers["x-slipway-deployment"] == "b"
    assert alone.status_code == 502


async def test_the_other_targets_answer_before_the_fallback(engine):
    async with (
        scripted_engine(b"this is not HTTP") as odd,
        served(
            {"a": NOWHERE, "b": engine.address, "c": engine.address, "odd": odd.address},
            limits=UNLIMITED,
        ) as it,
    ):
        await make_alias(it, {"a": 1, "odd": 1, "b": 1}, fallback=["c"])
        answers = [await it.chat("best") for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["x-slipway-deployment"] for answer in answers} == {"b"}


async def test_a_deployment_that_loads_says_how_far_it_is():
    def rows():
        deployment = make_deployment("slow", state="deploying")
        replica = make_replica(deployment, state=ReplicaState.PLACING, address="")
        make_placement(
            deployment.revision.artifact, replica.host, state=PlacementState.PLACING,
            done_bytes=250, total_bytes=1000, bytes_per_s=25.0,
        )  # fmt: skip

    async with served({}) as it:
        await sync_to_async(rows)()
        await it.desk.router.table.refresh()
        response = await it.chat("slow")
        assert response.status_code == 503
        assert response.headers["retry-after"] == "30"
        progress = response.json()["error"]["progress"]
        assert progress == {"state": "placing", "percent": 25, "left_s": 30}


async def test_one_that_became_ready_is_asked_without_waiting_for_a_hint(engine):
    def ready():
        Replica.objects.update(state=ReplicaState.READY, address=engine.address)

    def rows():
        make_replica(make_deployment("slow"), state=ReplicaState.STARTING, address="")

    async with served({}) as it:
        await sync_to_async(rows)()
        await it.desk.router.table.refresh()
        await sync_to_async(ready)()
        it.desk.router.table._looked_at = None
        assert (await it.chat("slow")).status_code == 200


@pytest.mark.parametrize(
    ("headers", "more"),
    [
        ({"x-slipway-session": "s1"}, {}),
        ({}, {"prompt_cache_key": "s1"}),
        ({"x-slipway-affinity": "prefix"}, {}),
    ],
)
async def test_a_session_meets_the_same_replica(headers, more):
    async with (
        scripted_engine(plain(200, ANSWER)) as one,
        scripted_engine(plain(200, ANSWER)) as other,
        served({"chat": [one.address, other.address]}, limits=UNLIMITED) as it,
    ):
        for _ in range(12):
            await it.post("/v1/chat/completions", chat(**more), **headers)
        assert {len(one.requests), len(other.requests)} == {0, 12}
        for _ in range(12):
            await it.chat()
        assert min(len(one.requests), len(other.requests)) > 0
        assert await Deployment.objects.acount() == 1
