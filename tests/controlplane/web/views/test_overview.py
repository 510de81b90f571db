"""The overview: what runs where, by name, bounded however much there is."""

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.fragments.overview import SERVED_NAMED
from models_app.domain.states import DeploymentState
from tests import factories


def test_each_host_names_what_runs_on_it(charlie_browser: Client) -> None:
    till, spare = factories.make_host("till-1"), factories.make_host("spare")
    chat = factories.make_deployment("chat")
    for index in range(2):
        factories.make_replica(chat, till, index=index)
    html = charlie_browser.get(reverse("web:overview")).content.decode()
    assert html.count(reverse("web:deployment", args=["chat"])) == 1
    assert "2 replicas" in html
    assert html.count("Nothing runs here.") == 1
    assert reverse("web:host", args=[spare.name]) in html


def test_a_host_with_much_work_names_what_needs_a_look_and_says_how_much_more(
    charlie_browser: Client,
) -> None:
    host = factories.make_host("till-1")
    for number in range(SERVED_NAMED + 3):
        factories.make_replica(factories.make_deployment(f"chat-{number}"), host)
    factories.make_replica(factories.make_deployment("zz", state=DeploymentState.DEGRADED), host)
    part = charlie_browser.get(reverse("web:part", args=["overview.fleet"])).content.decode()
    assert part.count('href="/deployments/') == SERVED_NAMED
    assert reverse("web:deployment", args=["zz"]) in part
    assert "and 4 more" in part


@pytest.mark.parametrize(("replicas", "said"), [(0, "Nothing of chat runs."), (1, "1 replica of")])
def test_what_is_asked_of_a_deployment_fits_its_replicas(
    bob_browser: Client, replicas: int, said: str
) -> None:
    deployment = factories.make_deployment("chat")
    for index in range(replicas):
        factories.make_replica(deployment, index=index, predicted_bytes=1 << 30)
    html = bob_browser.get(reverse("web:deployment", args=["chat"])).content.decode()
    assert said in html
    assert ("Each takes about 1.0 GiB." in html) == bool(replicas)
    assert "about –" not in html  # noqa: RUF001 (an en dash is what it must not say)


def test_a_bundled_model_says_where_it_came_from_in_both_languages(alice_browser: Client) -> None:
    text = "A very small chat model that comes with Slipway: quick to try, easily wrong."
    factories.make_model("tiny", source_kind="bundled", description=text)
    address = reverse("web:model", args=["tiny"])
    english = alice_browser.get(address).content.decode()
    assert "Slipway itself" in english
    assert text in english
    italian = alice_browser.get(address, headers={"Accept-Language": "it"}).content.decode()
    assert "Slipway stesso" in italian
    assert "Un modello di chat molto piccolo" in italian
