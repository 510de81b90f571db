"""The page of figures: who may read it, and that it tells what happened, of every process."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from asgiref.sync import sync_to_async
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from controlplane.gateway.core import routing_core
from models_app.domain.gateway_figures import DeploymentFigures
from models_app.domain.states import Role
from models_app.notify.figures import FigureBoard
from models_app.services.tokens import token_create
from tests.controlplane.gateway.scripted_engine import plain, scripted_engine
from tests.controlplane.gateway.v1.served import served
from tests.factories import actor_of, make_deployment, make_replica, make_user
from tests.requirements import need
from tests.valkey_server import valkey_server

DOCUMENT = Path(__file__).parents[3] / "docs" / "monitoring.md"
ANSWER = (
    b'{"choices":[],"usage":{"prompt_tokens":30,"completion_tokens":10,'
    b'"prompt_tokens_details":{"cached_tokens":4}}}'
)


@pytest.fixture
def broker(settings) -> Iterator[None]:
    need("valkey")
    with valkey_server() as server:
        settings.BROKER_URL = server.url
        yield


def page(**headers: str) -> Counter[tuple[str, ...]]:
    """Every sample, by its name and the values of its labels; those of all processes together."""
    response = Client().get("/metrics", headers=headers)
    assert response.status_code == 200, response.content
    assert response["Content-Type"].startswith("text/plain")
    found = Counter[tuple[str, ...]]()
    for family in text_string_to_metric_families(response.content.decode()):
        for one in family.samples:
            values = (value for label, value in one.labels.items() if label != "process")
            found[one.name, *values] += one.value  # type: ignore[assignment] # a float
    return found


def token(role: Role = Role.VIEWER) -> dict[str, str]:
    owner = make_user(f"scraper-{role}", role)
    _, text = token_create(actor_of(owner), name="prometheus", scopes=["read"])
    return {"Authorization": f"Bearer {text}"}


@pytest.mark.django_db
def test_nobody_reads_it_without_a_token():
    for headers in ({}, {"Authorization": "Bearer slip_x_y"}, {"Authorization": "Basic eDp5"}):
        response = Client().get("/metrics", headers=headers)
        assert response.status_code == 401
        assert b"slipway_" not in response.content
    assert Client().post("/metrics", headers=token()).status_code == 405


@pytest.mark.django_db
def test_the_ledger_is_told_while_the_broker_is_away():
    make_replica(make_deployment("chat"))
    found = page(**token())
    assert ("slipway_broker_up",) in found
    assert not found["slipway_broker_up",]
    assert found["slipway_deployment_replicas_ready", "chat"] == 1
    assert found["slipway_deployment_replicas_wished", "chat"] == 1
    assert found["slipway_hosts", "ready"] == 1


@pytest.mark.django_db(transaction=True)
async def test_what_the_gateway_answered_is_told(broker):
    async with (
        scripted_engine(plain(200, ANSWER)) as engine,
        served({"chat": engine.address, "gone": "127.0.0.1:9"}) as it,
    ):
        for _ in range(3):
            await it.chat()
        for _ in range(3):
            assert (await it.chat("gone")).status_code == 502
        figures = routing_core().figures
        while len(it.records()) < 6:  # noqa: ASYNC110 - the last comes after its answer has gone
            await asyncio.sleep(0.01)
        await figures._board.put(await figures.counted())
        other = FigureBoard("another process")
        await other.put({"chat": DeploymentFigures("llamacpp", waiting=2)})
        found = await sync_to_async(lambda: page(**token()))()
        await other.close()
    of = ("chat", "llamacpp")
    assert found["slipway_broker_up",] == 1
    assert found["slipway_gateway_requests_total", *of, "chat", "ok"] == 3
    assert found["slipway_gateway_tokens_total", *of, "prompt"] == 90
    assert found["slipway_gateway_tokens_total", *of, "cached"] == 12
    assert found["slipway_gateway_request_seconds_bucket", *of, "+Inf"] == 3
    assert found["slipway_gateway_request_seconds_sum", *of] > 0
    assert found["slipway_gateway_waiting", *of] == 2
    refused = "slipway_gateway_requests_total", "gone", "llamacpp", "chat", "ENGINE_UNREACHABLE"
    assert found[refused] == 3
    assert found["slipway_gateway_ejections_total", "gone", "llamacpp"] == 1
    assert found["slipway_gateway_ejected_replicas", "gone", "llamacpp"] == 1


@pytest.mark.django_db
def test_what_the_document_names_is_there(broker):
    text = DOCUMENT.read_text()
    examples = [yaml.safe_load(one) for one in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    assert [list(one) for one in examples] == [["scrape_configs"], ["groups"]]
    response = Client().get("/metrics", headers=token()).content.decode()
    families = set(re.findall(r"^# TYPE (\S+)", response, re.MULTILINE))
    kinds = {"slipway_artifacts", "slipway_deployments", "slipway_hosts", "slipway_operations"}
    for name in set(re.findall(r"slipway_\w+", text)) - kinds:
        assert re.sub("_(bucket|sum|count)$", "", name) in families, name
