"""The routing table: found without a query, fresh by hints, serving on when reading fails."""

import asyncio
import contextlib

import pytest

from controlplane.gateway import freshness
from controlplane.gateway import table as table_module
from controlplane.gateway.table import RouteTable
from models_app.domain.errors import NotFoundError
from models_app.domain.routes import DeploymentRoute
from models_app.notify import browsers


class Rows:
    """What the database would say; counts how often it is asked."""

    def __init__(self):
        self.routes = {"i": DeploymentRoute("i", 1, "chat", "ready", "fake", "F")}
        self.asked = []
        self.broken = False

    def __call__(self, only):
        self.asked.append(only)
        if self.broken:
            raise OSError("database is away")
        return [r for r in self.routes.values() if only is None or r.id in only]


@pytest.fixture
def rows():
    return Rows()


@contextlib.asynccontextmanager
async def fresh(table):
    task = asyncio.create_task(table.keep_fresh())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def eventually(check):
    async with asyncio.timeout(10):
        while not check():  # noqa: ASYNC110 - nothing signals what is waited for
            await asyncio.sleep(0.01)


async def test_found_by_id_and_by_name_with_one_read(rows):
    table = RouteTable(rows)
    assert await table.find("i") is await table.find("chat")
    assert rows.asked == [None]


async def test_unknown_names_do_not_hammer_the_database(rows):
    table = RouteTable(rows)
    for _ in range(20):
        with pytest.raises(NotFoundError):
            await table.find("nobody")
    assert len(rows.asked) == 1


async def test_a_hint_refreshes_its_deployment_only(rows):
    table = RouteTable(rows)
    async with fresh(table):
        await eventually(lambda: rows.asked == [None])
        rows.routes["i"] = DeploymentRoute("i", 1, "renamed", "failed", "fake", "F")
        await asyncio.sleep(0.05)  # the listener joins its group
        await browsers._group_send(
            {"type": "changed", "kind": "deployment", "id": "i", "version": 2}
        )
        await eventually(lambda: len(rows.asked) == 2)
        assert rows.asked[1] == {"i"}
        assert (await table.find("renamed")).state == "failed"
        with pytest.raises(NotFoundError):
            await table.find("chat")


async def test_a_deleted_deployment_leaves_the_table(rows):
    table = RouteTable(rows)
    await table.refresh()
    rows.routes.clear()
    await table.refresh(["i"])
    with pytest.raises(NotFoundError):
        await table.find("i")


async def test_the_last_known_routes_serve_while_the_database_is_away(rows, monkeypatch):
    monkeypatch.setattr(table_module, "REFRESH_S", 0.01)
    monkeypatch.setattr(freshness, "RETRY_S", 0.01)
    table = RouteTable(rows)
    async with fresh(table):
        await eventually(lambda: rows.asked)
        rows.broken = True
        asked = len(rows.asked)
        await eventually(lambda: len(rows.asked) > asked + 3)
        assert (await table.find("chat")).id == "i"
        rows.broken = False
        rows.routes["j"] = DeploymentRoute("j", 2, "new", "ready", "fake", "F")
        await eventually(lambda: "j" in table._by_id)
