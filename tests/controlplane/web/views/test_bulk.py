"""Many rows at once: each its own change, refusals named, and deleting is asked for twice."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from models_app.domain.states import ArtifactState, OperationState, Wish
from models_app.models import Artifact, Deployment, LanguageModel, Operation
from tests import factories
from tests.controlplane.web.posting import post, toast


@pytest.fixture
def three(db: None) -> list[Deployment]:
    """Three deployments, the last one stopped already."""
    factories.make_engine()
    rows = [factories.make_deployment(name) for name in ("a", "b", "c")]
    Deployment.objects.filter(name="c").update(wish=Wish.STOPPED)
    return rows


def send(browser: Client, route: str, htmx: bool = True, **data: Any) -> Any:
    return post(browser, reverse(f"web:{route}"), data, htmx=htmx)


def wishes() -> dict[str, str]:
    return dict(Deployment.objects.values_list("name", "wish"))


def test_stopping_many_is_told_and_undone_for_those_it_stopped(
    bob_browser: Client, three: list[Deployment]
) -> None:
    response = send(bob_browser, "deployments-bulk", verb="stop", selected=["a", "b", "c"])
    assert response.status_code == 204
    assert set(wishes().values()) == {Wish.STOPPED}
    said = toast(response)
    assert said["text"] == "2 deployments stop. 1 was so already."
    assert post(bob_browser, said["undo"], htmx=True).status_code == 204
    assert wishes() == {"a": Wish.RUNNING, "b": Wish.RUNNING, "c": Wish.STOPPED}


def test_what_has_gone_is_named_and_the_rest_happens(
    bob_browser: Client, three: list[Deployment]
) -> None:
    response = send(bob_browser, "deployments-bulk", verb="stop", selected=["a", "gone"])
    assert toast(response)["level"] == "warning"
    assert "1 deployment stops." in toast(response)["text"]
    assert "gone" in toast(response)["text"]
    alone = send(bob_browser, "deployments-bulk", verb="stop", selected=["gone"])
    assert (toast(alone)["level"], toast(alone)["undo"]) == ("error", "")


def test_without_htmx_it_leads_back_to_the_list(
    bob_browser: Client, three: list[Deployment]
) -> None:
    response = send(bob_browser, "deployments-bulk", htmx=False, verb="start", selected=["c"])
    assert response["Location"] == reverse("web:deployments")
    assert "1 deployment starts." in bob_browser.get(response["Location"]).content.decode()


@pytest.mark.parametrize(
    "data",
    [
        {"verb": "stop"},
        {"verb": "stop", "selected": [""]},
        {"verb": "stop", "selected": [f"n{i}" for i in range(101)]},
        {"verb": "delete", "selected": ["a"]},
        {"selected": ["a"]},
    ],
)
def test_nothing_selected_or_an_unknown_verb_changes_nothing(
    bob_browser: Client, three: list[Deployment], data: dict[str, Any]
) -> None:
    assert send(bob_browser, "deployments-bulk", **data).status_code == 422
    assert wishes()["a"] == Wish.RUNNING


def test_deleting_many_names_what_goes_and_asks_for_their_number(
    bob_browser: Client, three: list[Deployment]
) -> None:
    factories.make_replica(three[0])
    asked = send(bob_browser, "deployments-delete", htmx=False, selected=["a", "b"])
    html = asked.content.decode()
    assert asked.status_code == 200
    assert "Delete 2 deployments?" in html
    assert "1 replica stops" in html
    assert 'data-must-equal="2"' in html
    wrong = send(bob_browser, "deployments-delete", selected=["a", "b"], confirm_name="3")
    assert wrong.status_code == 422
    assert wishes()["a"] == Wish.RUNNING
    done = send(bob_browser, "deployments-delete", selected=["a", "b"], confirm_name="2")
    assert done["HX-Redirect"] == reverse("web:deployments")
    assert wishes() == {"a": Wish.DELETED, "b": Wish.DELETED, "c": Wish.STOPPED}


def test_one_alone_is_deleted_by_its_name(bob_browser: Client, three: list[Deployment]) -> None:
    done = send(bob_browser, "deployments-delete", selected=["b"], confirm_name="b")
    assert done.status_code == 204
    assert wishes()["b"] == Wish.DELETED


def test_models_in_use_are_named_and_stay(bob_browser: Client, three: list[Deployment]) -> None:
    used = three[0].revision.artifact.model
    free = factories.make_artifact(factories.make_model("free")).model
    empty = factories.make_model("empty")
    names = [used.name, free.name, empty.name]
    html = send(bob_browser, "models-delete", htmx=False, selected=names).content.decode()
    assert "Delete 2 models?" in html
    assert "These are in use and stay:" in html
    assert f'name="selected" value="{used.name}"' not in html.replace("\n", "")
    done = send(bob_browser, "models-delete", selected=[free.name, empty.name], confirm_name="2")
    assert done.status_code == 204
    assert not LanguageModel.objects.filter(name="empty").exists()
    assert Artifact.objects.get(model=free).state == ArtifactState.REMOVING
    assert Artifact.objects.get(model=used).state == ArtifactState.READY


def test_operations_are_cancelled_and_begun_again(bob_browser: Client) -> None:
    running = factories.make_operation()
    done = factories.make_operation(state=OperationState.SUCCEEDED)
    both = [str(running.public_id), str(done.public_id)]
    response = send(bob_browser, "operations-bulk", verb="cancel", selected=both)
    assert toast(response)["level"] == "warning"
    assert "1 operation is cancelled." in toast(response)["text"]
    assert Operation.objects.get(pk=running.pk).state == OperationState.CANCELLING
    failed = factories.make_operation(state=OperationState.FAILED)
    again = send(bob_browser, "operations-bulk", verb="retry", selected=[str(failed.public_id)])
    assert toast(again)["undo"].startswith(reverse("web:operations-bulk"))
    assert Operation.objects.get(pk=failed.pk).state == OperationState.PENDING


@pytest.mark.parametrize(
    ("route", "data"),
    [
        ("deployments-bulk", {"verb": "stop"}),
        ("deployments-delete", {"confirm_name": "a"}),
        ("deployments-delete", {}),
        ("models-delete", {}),
        ("operations-bulk", {"verb": "cancel"}),
    ],
)
def test_a_viewer_selects_and_changes_nothing(
    charlie_browser: Client, three: list[Deployment], route: str, data: dict[str, Any]
) -> None:
    assert send(charlie_browser, route, selected=["a"], **data).status_code == 403
    assert wishes()["a"] == Wish.RUNNING
    assert 'type="checkbox"' not in charlie_browser.get("/deployments/").content.decode()
