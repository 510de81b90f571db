"""Pages of a list while rows come and go."""

import base64
import json

import pytest

from models_app.models import Host, Operation
from tests.controlplane.api.callers import Caller
from tests.factories import make_host, make_operation


def names(viewer: Caller, query: str) -> tuple[list[str], str | None]:
    page = viewer.get(f"/hosts?{query}")
    return [item["name"] for item in page["items"]], page["next_cursor"]


def test_all_rows_come_once_in_order(viewer: Caller) -> None:
    for n in range(7):
        make_host(f"host-{n}")
    seen: list[str] = []
    query, pages = "limit=3", 0
    while True:
        found, cursor = names(viewer, query)
        seen += found
        pages += 1
        if cursor is None:
            break
        query = f"limit=3&cursor={cursor}"
    assert seen == [f"host-{n}" for n in range(7)]
    assert pages == 3


def test_rows_that_come_and_go_in_between_disturb_nothing(viewer: Caller) -> None:
    for n in range(6):
        make_host(f"host-{n}")
    first, cursor = names(viewer, "limit=3")
    make_host("host-0-new")
    Host.objects.filter(name__in=["host-1", "host-4"]).delete()
    second, _ = names(viewer, f"limit=3&cursor={cursor}")
    assert (first, second) == (["host-0", "host-1", "host-2"], ["host-3", "host-5"])


def test_newest_first_lists_page_too(viewer: Caller) -> None:
    for n in range(5):
        make_operation(title=f"o{n}")
    page = viewer.get("/operations?limit=2")
    make_operation(title="newer")
    rest = viewer.get(f"/operations?limit=200&cursor={page['next_cursor']}")
    titles = [item["title"] for item in page["items"] + rest["items"]]
    assert titles == ["o4", "o3", "o2", "o1", "o0"]
    assert rest["next_cursor"] is None
    assert Operation.objects.count() == 6


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "!!!",
        "ü",
        encoded("name"),
        encoded(["name"]),
        encoded(["id", 3]),
        encoded(["name", 3]),
        encoded(["name", "a\0"]),
        encoded(["name", True]),
        encoded(["password", "x"]),
        encoded({"name": "a"}),
        "AAAA" * 200,
    ],
)
def test_a_cursor_that_is_none_of_this_list_is_refused(viewer: Caller, cursor: str) -> None:
    response = viewer.call("GET", f"/hosts?cursor={cursor}")
    assert response.status_code == 422
    assert "cursor" in response.json()["fields"]


@pytest.mark.parametrize("position", [10**30, -(10**30), True, "1"])
def test_a_number_too_large_is_refused_before_the_database(
    viewer: Caller, position: object
) -> None:
    response = viewer.call("GET", f"/operations?cursor={encoded(['id', position])}")
    assert response.status_code == 422


def test_filters_hold_on_every_page(viewer: Caller) -> None:
    for n in range(4):
        make_host(f"host-{n}", labels={"site": "rome" if n % 2 else "milan"})
    first, cursor = names(viewer, "label=site=rome&limit=1")
    second, end = names(viewer, f"label=site=rome&limit=1&cursor={cursor}")
    assert (first, second, end) == (["host-1"], ["host-3"], None)
