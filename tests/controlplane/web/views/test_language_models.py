"""Models through their pages: imported three ways, edited, verified, deleted."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from models_app.domain.states import ArtifactState, PlacementState
from models_app.models import LanguageModel, Operation, User
from tests import factories
from tests.controlplane.web.posting import post, toast
from tests.factories import uploaded
from tests.gguf_files import gguf_bytes, write_gguf

IMPORT = "/new/model"


def fields(**more: str) -> dict[str, str]:
    return {"source": "url", "title": "SmolLM2 135M", "licence": "apache-2.0", **more}


def test_an_address_begins_an_import(bob_browser: Client) -> None:
    digest = "A" * 64
    data = fields(url="https://models.example/a.gguf", sha256=digest)
    response = post(bob_browser, IMPORT, data)
    operation = Operation.objects.get()
    assert response["Location"] == reverse("web:operation", args=[operation.public_id])
    assert operation.model.name == "smollm2-135m", "made from the title"
    assert operation.parameters["reference"] == {
        "url": "https://models.example/a.gguf",
        "sha256": digest.lower(),
    }


def test_a_path_of_the_server_is_an_admins(
    alice_browser: Client, bob_browser: Client, tmp_path: Path
) -> None:
    path = str(write_gguf(tmp_path / "a.gguf"))
    data = fields(source="file", path=path)
    assert post(bob_browser, IMPORT, data).status_code == 422
    assert not Operation.objects.exists()
    assert "A file on the server" not in bob_browser.get(IMPORT).content.decode()
    post(alice_browser, IMPORT, data)
    assert Operation.objects.get().parameters["reference"] == {"path": path}


def test_an_upload_is_named_by_its_id(bob_browser: Client, bob: User) -> None:
    upload = uploaded(bob, gguf_bytes())
    data = fields(source="upload", upload=upload, file_name="a (1).gguf")
    post(bob_browser, IMPORT, data)
    assert Operation.objects.get().parameters["reference"] == {
        "upload": upload,
        "file_name": "a_1_.gguf",
    }


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"source": "url", "url": "http://127.0.0.1/a.gguf"}, "leads to this machine"),
        ({"source": "file", "path": "/no/such/file.gguf"}, "no such file"),
        ({"source": "file", "path": "/proc/self/environ"}, "kernel"),
        ({"source": "upload", "upload": "u1-x", "file_name": "a.gguf"}, "Upload the file first"),
    ],
)
def test_where_no_model_can_come_from_is_refused_at_once(
    alice_browser: Client, wrong: dict[str, Any], words: str
) -> None:
    response = post(alice_browser, IMPORT, fields(**wrong))
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Operation.objects.exists()
    assert not LanguageModel.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"url": ""}, "Write the address"),
        ({"url": "not an address"}, "valid URL"),
        ({"url": "ftp://x.example/a", "title": ""}, "required"),
        ({"url": "https://x.example/a", "sha256": "zz"}, "valid value"),
        ({"url": "https://x.example/a", "name": "../../x"}, "lower-case letters"),
        ({"source": "upload"}, "Choose a file"),
        ({"source": "magic"}, "valid choice"),
    ],
)
def test_a_mistake_is_told(bob_browser: Client, wrong: dict[str, Any], words: str) -> None:
    response = post(bob_browser, IMPORT, fields(**wrong))
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Operation.objects.exists()
    assert not LanguageModel.objects.exists()


def test_editing_saves_and_notices_others(bob_browser: Client) -> None:
    model = factories.make_model("smollm2")
    address = reverse("web:model-edit", args=["smollm2"])
    data = {"title": "New", "licence": "mit", "description": "Good", "version": "1"}
    assert post(bob_browser, address, data)["Location"] == reverse("web:model", args=["smollm2"])
    model.refresh_from_db()
    assert (model.title, model.licence, model.description) == ("New", "mit", "Good")
    stale = post(bob_browser, address, {**data, "title": "Newer"})
    assert stale.status_code == 422
    assert "changed by somebody else" in stale.content.decode()


def test_a_model_in_use_names_its_users_and_stays(bob_browser: Client) -> None:
    artifact = factories.make_artifact(factories.make_model("smollm2"))
    factories.make_deployment("chat", artifact=artifact)
    html = bob_browser.get(reverse("web:model", args=["smollm2"])).content.decode()
    assert "This model is in use" in html
    address = reverse("web:model-delete", args=["smollm2"])
    refused = post(bob_browser, address, {"confirm_name": "smollm2"}, htmx=True)
    assert refused.status_code == 409
    assert "chat" in toast(refused)["text"]


def test_deleting_a_model_needs_its_name(bob_browser: Client) -> None:
    artifact = factories.make_artifact(factories.make_model("smollm2"))
    address = reverse("web:model-delete", args=["smollm2"])
    assert post(bob_browser, address, {"confirm_name": "no"}, htmx=True).status_code == 422
    response = post(bob_browser, address, {"confirm_name": "smollm2"})
    assert response["Location"] == reverse("web:models")
    artifact.refresh_from_db()
    assert artifact.state == ArtifactState.REMOVING


def test_artifacts_are_verified_and_deleted(bob_browser: Client) -> None:
    artifact = factories.make_artifact()
    ref = [artifact.public_id]
    assert post(bob_browser, reverse("web:artifact-verify", args=ref), htmx=True).status_code == 204
    response = post(bob_browser, reverse("web:artifact-delete", args=ref))
    assert response["Location"] == reverse("web:model", args=[artifact.model.name])
    kinds = Operation.objects.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["verify", "remove_artifact"]


def test_a_file_is_taken_off_a_host_unless_it_is_used(bob_browser: Client) -> None:
    placement = factories.make_placement()
    address = reverse("web:placement-remove", args=[placement.public_id])
    deployment = factories.make_deployment(artifact=placement.artifact)
    replica = factories.make_replica(deployment, placement.host)
    assert post(bob_browser, address, htmx=True).status_code == 409
    replica.delete()
    assert post(bob_browser, address, htmx=True).status_code == 204
    placement.refresh_from_db()
    assert placement.state == PlacementState.REMOVING


def test_a_file_is_kept_on_a_host_and_let_go(bob_browser: Client) -> None:
    placement = factories.make_placement()
    part = f"{reverse('web:part', args=['host.work'])}?id={placement.host.public_id}"
    keep, let_go = (
        reverse(f"web:placement-{verb}", args=[placement.public_id]) for verb in ("keep", "let-go")
    )

    assert keep in bob_browser.get(part).content.decode()
    assert post(bob_browser, keep, htmx=True).status_code == 204
    placement.refresh_from_db()
    assert placement.is_pinned
    html = bob_browser.get(part).content.decode()
    assert "Kept" in html
    assert keep not in html

    assert post(bob_browser, let_go, htmx=True).status_code == 204
    placement.refresh_from_db()
    assert not placement.is_pinned


def test_a_viewer_may_do_none_of_it(charlie_browser: Client) -> None:
    placement = factories.make_placement()
    model = placement.artifact.model
    addresses = [
        IMPORT,
        reverse("web:model-edit", args=[model.name]),
        reverse("web:model-delete", args=[model.name]),
        reverse("web:artifact-verify", args=[placement.artifact.public_id]),
        reverse("web:artifact-delete", args=[placement.artifact.public_id]),
        reverse("web:placement-remove", args=[placement.public_id]),
        reverse("web:placement-keep", args=[placement.public_id]),
        reverse("web:upload") + "?size=1",
    ]
    data = {**fields(url="https://x.example/a"), "confirm_name": model.name, "version": "1"}
    codes = [post(charlie_browser, address, data).status_code for address in addresses]
    assert codes == [403] * len(addresses)
    assert not Operation.objects.exists()


def test_operations_are_cancelled_and_begun_again(bob_browser: Client) -> None:
    operation = factories.make_operation()
    ref = [operation.public_id]
    assert (
        post(bob_browser, reverse("web:operation-cancel", args=ref), htmx=True).status_code == 204
    )
    again = post(bob_browser, reverse("web:operation-retry", args=ref), htmx=True)
    assert again.status_code == 409, "it is still cancelling"
    Operation.objects.update(state="failed")
    assert post(bob_browser, reverse("web:operation-retry", args=ref), htmx=True).status_code == 204
    operation.refresh_from_db()
    assert operation.state == "pending"
