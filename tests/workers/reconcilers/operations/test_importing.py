"""Imports end to end against the real store and the real sources, one step at a time."""

import hashlib
import io
import os
from pathlib import Path

import pytest
from django.conf import settings

from controlplane.wording.failures import failure_text
from models_app.domain.errors import ConflictError, InvalidError, NotAllowedError
from models_app.domain.states import OperationState
from models_app.domain.store import ModelStore
from models_app.domain.uploads import UploadFolder
from models_app.models import Artifact, Deployment, LanguageModel, Operation, User
from models_app.services.language_models import artifact_delete, artifact_verify, model_import
from models_app.services.operations import operation_cancel, operation_retry
from tests.factories import actor_of, make_engine
from tests.gguf_files import gguf_bytes, write_gguf
from workers.reconcilers.operations import reconcile_operation
from workers.reconcilers.operations.importing import part_path
from workers.reconcilers.operations.reconciler import TRIES

pytestmark = pytest.mark.django_db

STEPS = 20


def work_off(operation: Operation) -> Operation:
    """Look at an operation until it is finished; bounded."""
    for _ in range(STEPS):
        operation.refresh_from_db()
        if OperationState(operation.state).finished:
            break
        reconcile_operation(operation.pk)
    operation.refresh_from_db()
    return operation


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.gguf"
    path.write_bytes(gguf_bytes())
    return path


def begin(alice: User, path: Path, **fields: object) -> Operation:
    return model_import(
        actor_of(alice),
        name="tiny",
        source="file",
        reference={"path": str(path)},
        **fields,  # type: ignore[arg-type]
    )


def test_an_import_ends_in_a_verified_artifact(alice: User, weights: Path) -> None:
    operation = work_off(begin(alice, weights, title="Tiny", licence="apache-2.0"))
    assert operation.state == OperationState.SUCCEEDED
    artifact = Artifact.objects.get()
    assert artifact.sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert ModelStore(settings.PATHS.models).verify(artifact.sha256, artifact.file_name)
    assert LanguageModel.objects.get().title == "Tiny"
    assert weights.exists()
    assert not part_path(operation).exists()


def test_the_same_file_again_is_one_artifact(alice: User, weights: Path) -> None:
    work_off(begin(alice, weights))
    assert work_off(begin(alice, weights)).state == OperationState.SUCCEEDED
    assert Artifact.objects.count() == 1


def test_an_import_that_runs_already_is_not_begun_twice(alice: User, weights: Path) -> None:
    begin(alice, weights)
    with pytest.raises(ConflictError) as caught:
        begin(alice, weights)
    assert caught.value.code == "IMPORT_RUNNING"


def test_an_import_may_end_in_a_deployment(alice: User, weights: Path) -> None:
    make_engine()
    operation = begin(alice, weights, then_deploy={"name": "chat", "engine": "llamacpp"})
    work_off(operation)
    assert Deployment.objects.get().name == "chat"
    assert operation.result["deployment"] == "chat"


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ({"name": "chat", "engine": "no-such-engine"}, "ENGINE_UNKNOWN"),
        ({"name": "../chat", "engine": "llamacpp"}, "NAME_INVALID"),
        ({"name": "chat", "engine": "llamacpp", "replicas": 100_000}, "REPLICAS_OUT_OF_RANGE"),
    ],
)
def test_a_deployment_that_is_refused_ends_the_import_and_says_why(
    alice: User, weights: Path, wanted: dict[str, object], refusal: str
) -> None:
    make_engine()
    operation = begin(alice, weights, then_deploy=wanted)
    reconcile_operation(operation.pk)
    operation.refresh_from_db()
    assert (operation.state, operation.failure_code) == (OperationState.FAILED, "WISH_REFUSED")
    assert operation.failure_params["refusal"] == refusal
    assert operation.next_action_at is None
    assert Artifact.objects.count() == 1  # what could be done is done
    assert not Deployment.objects.exists()


def test_an_error_of_our_own_is_not_tried_without_end(alice: User, weights: Path) -> None:
    make_engine()
    operation = begin(alice, weights, then_deploy={"name": "chat", "unheard_of": True})
    for tries in range(1, TRIES + 1):
        operation.refresh_from_db()
        assert (operation.attempts, operation.state) == (
            tries - 1,
            OperationState.PENDING if tries == 1 else OperationState.RUNNING,
        )
        reconcile_operation(operation.pk)
    operation.refresh_from_db()
    assert (operation.state, operation.failure_code) == (OperationState.FAILED, "INTERNAL")
    assert operation.failure_params == {"reason": "TypeError"}


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"just some text, renamed", "UNSUPPORTED_FORMAT", "liar.gguf is not a GGUF file"),
        (
            b"GGUF\x03\x00\x00\x00" + b"\xff" * 16,
            "ARTIFACT_INVALID",
            "claims 18,446,744,073,709,551,",
        ),
        (gguf_bytes()[:-40], "ARTIFACT_INVALID", "cut short"),
        (gguf_bytes()[:60], "ARTIFACT_INVALID", "breaks off after 60 B"),
        (b"", "UNSUPPORTED_FORMAT", "is not a GGUF file"),
    ],
)
def test_what_is_not_a_model_is_refused_in_words_and_leaves_nothing(
    alice: User, tmp_path: Path, content: bytes, code: str, words: str
) -> None:
    operation = begin(alice, write_gguf(tmp_path / "liar.gguf"))
    (tmp_path / "liar.gguf").write_bytes(content)  # what was begun with is not what comes
    operation = work_off(operation)
    assert (operation.state, operation.failure_code) == (OperationState.FAILED, code)
    assert words in failure_text(code, operation.failure_params).sentence
    assert not Artifact.objects.exists()
    assert not part_path(operation).exists()


@pytest.mark.parametrize(
    "path", ["/proc/self/environ", "/dev/zero", "relative.gguf", "/etc", "/no/such/file.gguf", "/"]
)
def test_paths_that_are_no_model_files_are_refused(alice: User, weights: Path, path: str) -> None:
    """The service refused them when they were written; the hands refuse them once more."""
    with pytest.raises(InvalidError):
        begin(alice, Path(path))
    operation = begin(alice, weights)
    operation.parameters["reference"]["path"] = path
    operation.save()
    operation = work_off(operation)
    assert operation.state == OperationState.FAILED
    assert operation.failure_code in {"SOURCE_REFUSED", "ARTIFACT_MISSING"}


def test_only_an_admin_names_paths_of_this_machine(bob: User, weights: Path) -> None:
    with pytest.raises(NotAllowedError):
        begin(bob, weights)


def test_cancelling_takes_the_half_file_away_and_retrying_begins_again(
    alice: User, weights: Path
) -> None:
    operation = begin(alice, weights)
    part_path(operation).write_bytes(weights.read_bytes()[:100])
    operation_cancel(actor_of(alice), operation)
    assert work_off(operation).state == OperationState.CANCELLED
    assert not part_path(operation).exists()
    operation_retry(actor_of(alice), operation)
    assert work_off(operation).state == OperationState.SUCCEEDED


def test_a_file_that_changes_on_the_way_is_noticed(alice: User, weights: Path) -> None:
    operation = begin(alice, weights)
    operation.result = {
        "description": {
            "file_name": "weights.gguf",
            "size_bytes": weights.stat().st_size,
            "sha256": None,
            "validators": {"modified_ns": "1"},
        }
    }
    operation.save()
    assert work_off(operation).failure_code == "SOURCE_CHANGED"


def test_verifying_finds_what_the_disk_has_spoiled(alice: User, weights: Path) -> None:
    work_off(begin(alice, weights))
    artifact = Artifact.objects.get()
    good = work_off(artifact_verify(actor_of(alice), artifact))
    assert good.state == OperationState.SUCCEEDED
    path = ModelStore(settings.PATHS.models).path_of(artifact.sha256, artifact.file_name)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    bad = work_off(artifact_verify(actor_of(alice), artifact))
    assert (bad.state, bad.failure_code) == (OperationState.FAILED, "CHECKSUM")
    artifact.refresh_from_db()
    assert artifact.state == "corrupt"


def test_deleting_an_artifact_takes_its_file_too(alice: User, weights: Path) -> None:
    work_off(begin(alice, weights))
    artifact = Artifact.objects.get()
    operation = work_off(artifact_delete(actor_of(alice), artifact, version=artifact.version))
    assert operation.state == OperationState.SUCCEEDED
    assert not Artifact.objects.exists()
    assert artifact.sha256 not in [path.parent.name for path in settings.PATHS.models.glob("*/*/*")]


@pytest.mark.slow
def test_the_bundled_model_is_what_its_pinned_sum_says(alice: User) -> None:
    operation = model_import(
        actor_of(alice),
        name="smollm2",
        source="bundled",
        reference={"key": "smollm2-135m-instruct"},
    )
    assert work_off(operation).state == OperationState.SUCCEEDED
    assert Artifact.objects.get().facts["architecture"] == "llama"
    assert LanguageModel.objects.get().tier == "micro"


def begin_upload(alice: User, content: bytes) -> tuple[Operation, str]:
    folder = UploadFolder(settings.PATHS.uploads)
    upload = folder.begin(alice.pk, len(content), limit_bytes=len(content)).id
    folder.append(alice.pk, upload, 0, io.BytesIO(content))
    reference = {"upload": upload, "file_name": "weights.gguf"}
    return model_import(actor_of(alice), name="tiny", source="upload", reference=reference), upload


def test_an_upload_is_hashed_as_it_arrives_and_not_read_again(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = gguf_bytes()
    operation, upload = begin_upload(alice, content)
    read = []
    monkeypatch.setattr(
        "workers.reconcilers.operations.importing.hash_with_progress",
        lambda path, *_: read.append(path),
    )
    assert work_off(operation).state == OperationState.SUCCEEDED
    assert Artifact.objects.get().sha256 == hashlib.sha256(content).hexdigest()
    assert read == []
    assert not list(settings.PATHS.uploads.glob(f"*{upload}*"))


def test_an_upload_that_was_touched_is_read(alice: User) -> None:
    content = gguf_bytes()
    operation, upload = begin_upload(alice, content)
    path = UploadFolder(settings.PATHS.uploads).path_of(upload)
    assert path is not None
    changed = content[:-1] + bytes([content[-1] ^ 1])
    path.write_bytes(changed)
    os.utime(path, ns=(1, 1))
    assert work_off(operation).state == OperationState.SUCCEEDED
    assert Artifact.objects.get().sha256 == hashlib.sha256(changed).hexdigest()


def test_a_promise_of_another_checksum_is_held_against_the_upload(alice: User) -> None:
    content = gguf_bytes()
    operation, _ = begin_upload(alice, content)
    operation.parameters["reference"]["sha256"] = "0" * 64
    operation.save()
    done = work_off(operation)
    assert (done.state, done.failure_code) == (OperationState.FAILED, "CHECKSUM")
    assert not Artifact.objects.exists()
