"""An adapter for a variant over REST: named by id, by sha256 or in the Modelfile, and checked."""

from typing import Any

import pytest

from models_app.domain.gguf import ADAPTER_FORMAT
from models_app.domain.states import ArtifactState
from models_app.models import Artifact, HostModel, Operation
from tests import factories
from tests.controlplane.api.callers import Caller

CREATE = "/hosts/lan/models/create"


@pytest.fixture
def tiny(db: None) -> HostModel:
    return factories.make_host_model(factories.make_host("lan", runtime="ollama"), "tiny:1")


def adapter(**fields: Any) -> Artifact:
    facts = {**factories.artifact_facts(), "architecture": "llama"}
    return factories.make_artifact(**{"format": ADAPTER_FORMAT, "facts": facts, **fields})


@pytest.mark.parametrize("named", ["id", "sha256", "modelfile", "base", "variant"])
def test_it_is_named_in_any_way(operator: Caller, tiny: HostModel, named: str) -> None:
    row = adapter()
    asked = {
        "id": {"modelfile": "FROM tiny:1", "adapter": str(row.public_id)},
        "sha256": {"modelfile": "FROM tiny:1", "adapter": row.sha256},
        "modelfile": {"modelfile": f"FROM tiny:1\nADAPTER sha256:{row.sha256}"},
        "base": {"base": "tiny:1", "adapter": row.sha256},
        "variant": {"base": "tiny:1", "variant": "code", "adapter": row.sha256},
    }[named]
    answer = operator.post(CREATE, {"name": "mine", **asked})
    assert answer.status_code == 202, answer.json()
    operation = Operation.objects.get()
    assert operation.artifact == row
    assert f"ADAPTER sha256:{row.sha256}\n" in operation.parameters["modelfile"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"format": "gguf"}, "ADAPTER_NOT_ONE"),
        ({"state": ArtifactState.MISSING}, "ADAPTER_MISSING"),
        ({"state": ArtifactState.CORRUPT}, "ADAPTER_MISSING"),
        ({"facts": {"architecture": "gemma3"}}, "ADAPTER_ARCHITECTURE"),
    ],
)
def test_one_that_cannot_do_is_refused(
    operator: Caller, tiny: HostModel, fields: dict[str, Any], code: str
) -> None:
    row = adapter(**fields)
    answer = operator.post(CREATE, {"name": "mine", "base": "tiny:1", "adapter": row.sha256})
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    ("modelfile", "code"),
    [
        ("ADAPTER /etc/shadow", "MODELFILE_ADAPTER"),
        ("ADAPTER ../lora.gguf", "MODELFILE_ADAPTER"),
        ("ADAPTER ./lora.gguf", "MODELFILE_ADAPTER"),
        (f"ADAPTER sha256:{'a' * 64}\nADAPTER sha256:{'b' * 64}", "MODELFILE_ADAPTER_ONCE"),
    ],
)
def test_paths_and_two_at_once_are_refused(
    operator: Caller, tiny: HostModel, modelfile: str, code: str
) -> None:
    answer = operator.post(CREATE, {"name": "mine", "modelfile": f"FROM tiny:1\n{modelfile}"})
    assert answer.status_code == 422
    assert answer.json()["code"] == code


def test_one_besides_the_modelfiles_own_is_refused(operator: Caller, tiny: HostModel) -> None:
    row = adapter()
    modelfile = f"FROM tiny:1\nADAPTER sha256:{'a' * 64}"
    asked = {"name": "mine", "modelfile": modelfile, "adapter": row.sha256}
    assert operator.post(CREATE, asked).json()["code"] == "MODELFILE_ADAPTER_ONCE"


def test_an_unknown_one_is_not_found(operator: Caller, tiny: HostModel) -> None:
    asked = {"name": "mine", "base": "tiny:1", "adapter": "f" * 64}
    assert operator.post(CREATE, asked).status_code == 404


def test_it_cannot_be_deployed_as_if_it_were_a_model(operator: Caller, db: None) -> None:
    factories.make_engine("llamacpp")
    asked = {"name": "chat", "artifact": adapter().sha256, "engine": "llamacpp"}
    answer = operator.post("/deployments", asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "UNSUPPORTED_FORMAT")
