"""Hosts through their pages: added, edited, closed, emptied, looked at, removed."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from models_app.domain.states import HostState, Scheduling
from models_app.models import Host
from tests import factories
from tests.controlplane.web.posting import post, toast
from tests.factories import GIB


def verb(name: str) -> str:
    return reverse(f"web:host-{name}", args=["till-1"])


@pytest.fixture
def till(db: None) -> Host:
    """A host."""
    return factories.make_host("till-1", labels={"site": "rome"}, memory_budget_bytes=8 * GIB)


def test_adding_the_first_host(alice_browser: Client) -> None:
    data = {"name": "shop", "runtime": "process", "memory_budget": "1.5", "labels": "site=rome"}
    response = post(alice_browser, reverse("web:host-new"), data)
    host = Host.objects.get()
    assert response["Location"] == reverse("web:host", args=["shop"])
    assert (host.labels, host.memory_budget_bytes) == ({"site": "rome"}, int(1.5 * GIB))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "../x"}, "lower-case letters"),
        ({"name": "till-1"}, "taken"),
        ({"memory_budget": "-1"}, "0"),
        ({"memory_budget": "0.01"}, "out of its range"),
        ({"labels": "nonsense"}, "not key=value"),
        ({"runtime": "magic"}, "valid choice"),
    ],
)
def test_a_mistake_is_told(
    alice_browser: Client, till: Host, wrong: dict[str, Any], words: str
) -> None:
    Host.objects.filter(pk=till.pk).update(runtime="other")  # one of kind process is allowed
    data = {"name": "shop", "runtime": "process", "memory_budget": "", "labels": "", **wrong}
    response = post(alice_browser, reverse("web:host-new"), data)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert Host.objects.count() == 1


def test_this_machine_is_a_host_only_once(alice_browser: Client, till: Host) -> None:
    response = post(alice_browser, reverse("web:host-new"), {"name": "shop", "runtime": "process"})
    assert response.status_code == 422
    assert Host.objects.count() == 1


def test_editing_shows_and_saves(alice_browser: Client, till: Host) -> None:
    html = alice_browser.get(verb("edit")).content.decode()
    assert "site=rome" in html
    assert 'value="8.0"' in html
    data = {"name": "till-9", "labels": "", "memory_budget": "", "version": "1"}
    assert post(alice_browser, verb("edit"), data).status_code == 302
    till.refresh_from_db()
    assert (till.name, till.labels, till.memory_budget_bytes) == ("till-9", {}, None)


@pytest.mark.parametrize(
    ("name", "scheduling", "undo"),
    [
        ("cordon", Scheduling.CORDONED, "uncordon"),
        ("drain", Scheduling.DRAINING, "uncordon"),
        ("uncordon", Scheduling.OPEN, "cordon"),
    ],
)
def test_closing_and_opening_can_be_taken_back(
    bob_browser: Client, till: Host, name: str, scheduling: str, undo: str
) -> None:
    response = post(bob_browser, verb(name), htmx=True)
    till.refresh_from_db()
    assert till.scheduling == scheduling
    assert toast(response)["undo"] == verb(undo)


def test_looking_now_makes_it_due(bob_browser: Client, till: Host) -> None:
    assert post(bob_browser, verb("check"), htmx=True).status_code == 204
    till.refresh_from_db()
    assert till.next_action_at is not None


def test_removing_needs_the_name_and_an_empty_host(alice_browser: Client, till: Host) -> None:
    assert post(alice_browser, verb("remove"), {"confirm_name": "x"}, htmx=True).status_code == 422
    replica = factories.make_replica(host=till)
    data = {"confirm_name": "till-1"}
    refused = post(alice_browser, verb("remove"), data, htmx=True)
    assert refused.status_code == 409
    assert "till-1" in toast(refused)["text"]
    replica.delete()
    assert post(alice_browser, verb("remove"), data)["Location"] == reverse("web:hosts")
    till.refresh_from_db()
    assert till.state == HostState.REMOVING


@pytest.mark.parametrize("name", ["edit", "remove"])
def test_an_operator_may_not_change_the_machine_park(
    bob_browser: Client, till: Host, name: str
) -> None:
    assert post(bob_browser, verb(name), {"confirm_name": "till-1"}).status_code == 403
    assert post(bob_browser, reverse("web:host-new"), {"name": "x"}).status_code == 403


@pytest.mark.parametrize("name", ["cordon", "uncordon", "drain", "check", "remove"])
def test_a_viewer_may_do_none_of_it(charlie_browser: Client, till: Host, name: str) -> None:
    assert post(charlie_browser, verb(name), {"confirm_name": "till-1"}).status_code == 403
    till.refresh_from_db()
    assert (till.version, till.scheduling) == (1, Scheduling.OPEN)


@pytest.mark.parametrize("query", ["?state=unreachable", "?search=nothing-like-it", "?page=99"])
def test_filters_that_leave_nothing_say_so(alice_browser: Client, till: Host, query: str) -> None:
    html = alice_browser.get(reverse("web:hosts") + query).content.decode()
    assert ("Nothing matches" in html) == ("page" not in query)


@pytest.mark.parametrize("measure", ["cpu", "memory", "disk"])
@pytest.mark.parametrize("span", ["15m", "1h", "24h", "7d"])
def test_charts_read_whole_ranges(
    charlie_browser: Client, till: Host, measure: str, span: str
) -> None:
    address = reverse("web:host-series", args=["till-1", measure])
    answer = charlie_browser.get(address, {"range": span}).json()
    assert len(answer["times"]) == len(answer["series"][0]["values"]) > 80
    assert answer["start"] < answer["end"]


def test_unknown_measures_and_ranges_are_refused(charlie_browser: Client, till: Host) -> None:
    assert charlie_browser.get("/hosts/till-1/series/mood").status_code == 404
    assert charlie_browser.get("/hosts/till-1/series/cpu?range=3y").status_code == 422
    assert charlie_browser.get("/hosts/nobody/series/cpu").status_code == 404
