"""Web servers that fail, in every way they do: fetched whole or ended with a code, in time."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from models_app.domain.failures import FailureCode, FailureError
from models_app.domain.specs import Transfer
from models_app.domain.states import OperationState, Role
from models_app.models import Artifact, Operation, User
from models_app.services.language_models import model_import
from models_app.services.operations import operation_cancel
from tests.factories import actor_of, make_user
from tests.file_server import FileServer, file_server
from tests.gguf_files import gguf_bytes
from tests.workloads import eventually
from workers.reconcilers.operations import reconcile_operation
from workers.reconcilers.operations.importing import part_path
from workers.sources import copying, url, web
from workers.sources.base import Description
from workers.sources.url import UrlSource

CONTENT = bytes(range(256)) * (8 << 10)  # 2 MiB
HERE = ["127.0.0.1/32"]


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "RESERVE", 0)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server(CONTENT) as running:
        yield running


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "import.part"


def describe(server: FileServer) -> Description:
    return UrlSource(allow=HERE).describe({"url": server.url})


def fetch(
    server: FileServer, part: Path, found: Description | None = None, seconds: float = 5
) -> Transfer:
    found = found or describe(server)
    return UrlSource(allow=HERE).fetch({"url": server.url}, found, part, seconds=seconds)


def fetch_all(server: FileServer, part: Path, *, seconds: float = 5, slices: int = 40) -> int:
    """Fetch until it is whole; return how many slices it took."""
    found = describe(server)
    for number in range(1, slices + 1):
        if fetch(server, part, found, seconds).finished:
            return number
    pytest.fail(f"not whole after {slices} slices: {part.stat().st_size}")


def refused(server: FileServer, part: Path, code: FailureCode) -> dict[str, object]:
    with pytest.raises(FailureError) as failed:
        fetch_all(server, part)
    assert failed.value.failure.code == code
    return dict(failed.value.failure.params)


def test_a_server_that_cuts_every_answer_is_fetched_all_the_same(
    server: FileServer, part: Path
) -> None:
    server.how.cut_after = 300_000
    assert fetch_all(server, part) >= 7
    assert part.read_bytes() == CONTENT
    begins = [one["range"] for one in server.asked[1:] if "range" in one]
    assert begins[0] == "bytes=300000-"
    assert len(set(begins)) == len(begins), "no byte was fetched twice"


def test_slices_of_time_share_one_connection(server: FileServer, part: Path) -> None:
    server.how.bytes_per_s = 4 << 20
    assert fetch_all(server, part, seconds=0.05) > 3
    assert part.read_bytes() == CONTENT
    assert len(server.asked) == 2, "one to describe, one to fetch"


def test_a_server_that_cannot_resume_is_fetched_in_many_slices(
    server: FileServer, part: Path
) -> None:
    server.how.resumes, server.how.etag, server.how.bytes_per_s = False, False, 4 << 20
    assert fetch_all(server, part, seconds=0.05) > 3
    assert part.read_bytes() == CONTENT


def test_a_cut_that_cannot_be_resumed_is_told_and_begun_anew(
    server: FileServer, part: Path
) -> None:
    server.how.resumes, server.how.cut_after = False, 500_000
    assert refused(server, part, FailureCode.SOURCE_CUT)["done_bytes"] == 500_000
    server.how.cut_after = None
    fetch_all(server, part)
    assert part.read_bytes() == CONTENT


def test_a_slow_server_is_waited_for_as_long_as_bytes_come(
    server: FileServer, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slower than one chunk per slice, and longer than what counts as silence."""
    monkeypatch.setattr(url, "STALLED_S", 0.5)
    server.content = CONTENT[: 256 << 10]
    server.how.bytes_per_s = 128 << 10
    began = time.monotonic()
    fetch_all(server, part, seconds=0.2)
    assert time.monotonic() - began > 1.5
    assert part.read_bytes() == server.content


def test_a_silent_server_is_noticed_and_a_slice_ends_all_the_same(
    server: FileServer, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(url, "STALLED_S", 2.0)
    monkeypatch.setattr(web, "READ_S", 0.5)
    server.how.stall_after = 100_000
    found = describe(server)
    began = time.monotonic()
    assert fetch(server, part, found, 0.2).done_bytes == 100_000
    assert time.monotonic() - began < 2
    server.how.stall_after = 0
    with pytest.raises(FailureError) as failed:
        _fetch_often(server, part, found)
    assert failed.value.failure.code == FailureCode.SOURCE_STALLED
    assert failed.value.failure.retry
    assert part.stat().st_size == 100_000, "what came is kept"
    server.how.stall_after = None
    fetch_all(server, part)
    assert part.read_bytes() == CONTENT


def _fetch_often(server: FileServer, part: Path, found: Description) -> None:
    for _ in range(20):
        fetch(server, part, found, 0.2)


def test_the_longest_silence_leaves_time_to_cancel(server: FileServer, part: Path) -> None:
    """With the real figures: a slice of two seconds on a server that says nothing at all."""
    found = describe(server)
    server.how.stall_after = 0
    began = time.monotonic()
    assert not fetch(server, part, found, 2.0).finished
    assert time.monotonic() - began < 10
    server.how.silent_heads = 1
    began = time.monotonic()
    with pytest.raises(FailureError) as failed:
        fetch(server, part, found, 2.0)
    assert failed.value.failure.code == FailureCode.SOURCE_UNREACHABLE
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("etag", [True, False])
def test_a_file_that_changes_is_not_put_together(
    server: FileServer, part: Path, etag: bool
) -> None:
    server.how.cut_after, server.how.etag = 500_000, etag
    found = describe(server)
    fetch(server, part, found)
    server.content = CONTENT + b"a newer version"
    with pytest.raises(FailureError) as failed:
        fetch(server, part, found)
    assert failed.value.failure.code == FailureCode.SOURCE_CHANGED
    assert not part.exists()


def test_retry_after_is_heard(server: FileServer, part: Path) -> None:
    server.how.answers = [(429, {"Retry-After": "7"})]
    failure = refused(server, part, FailureCode.SOURCE_UNREACHABLE)
    assert failure["retry_after_s"] == 7.0
    server.how.answers = [(503, {"Retry-After": "99999999"})]
    failure = refused(server, part, FailureCode.SOURCE_UNREACHABLE)
    assert failure["retry_after_s"] == web.RETRY_AFTER_LIMIT_S
    server.how.answers = [(429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})]
    assert refused(server, part, FailureCode.SOURCE_UNREACHABLE)["retry_after_s"] is None
    fetch_all(server, part)
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, FailureCode.SOURCE_UNREACHABLE),
        (502, FailureCode.SOURCE_UNREACHABLE),
        (401, FailureCode.SOURCE_REFUSED),
        (403, FailureCode.SOURCE_REFUSED),
        (404, FailureCode.SOURCE_REFUSED),
        (204, FailureCode.SOURCE_REFUSED),
    ],
)
def test_a_status_that_is_not_the_file(
    server: FileServer, part: Path, status: int, code: FailureCode
) -> None:
    server.how.answers = [(status, {})]
    refused(server, part, code)
    assert not part.exists()


def test_redirects_are_followed_and_each_is_guarded(server: FileServer, part: Path) -> None:
    server.how.answers = [(302, {"Location": "/elsewhere.gguf"}), (307, {"Location": server.url})]
    fetch_all(server, part)
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "place",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://127.0.0.2/inside",
        "http://localhost.localdomain@127.0.0.2/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
    ],
)
def test_a_redirect_leads_nowhere_that_is_forbidden(
    server: FileServer, part: Path, place: str
) -> None:
    server.how.answers = [(302, {"Location": place})]
    assert refused(server, part, FailureCode.SOURCE_REFUSED)["reason"] in {
        "URL_FORBIDDEN",
        "URL_INVALID",
    }
    assert len(server.asked) == 1


def test_a_loop_of_redirects_ends(server: FileServer, part: Path) -> None:
    server.how.answers = [(302, {"Location": server.url})] * 50
    assert refused(server, part, FailureCode.SOURCE_REFUSED)["reason"] == "redirects"
    assert len(server.asked) == web.REDIRECTS + 1


def test_a_length_that_is_too_long_ends(server: FileServer, part: Path) -> None:
    """Announced: more than there is. The end of what there is must not be waited behind."""
    server.how.more_length = 1000
    refused(server, part, FailureCode.SOURCE_CHANGED)


def test_a_length_that_is_too_short_is_all_that_is_taken(server: FileServer, part: Path) -> None:
    server.how.resumes, server.how.more_length = False, -1000
    fetch_all(server, part)
    assert part.stat().st_size == len(CONTENT) - 1000, "for the header and the sum to refuse"


def test_a_length_that_nobody_knows(server: FileServer, part: Path) -> None:
    server.how.resumes, server.how.says_length = False, False
    assert describe(server).size_bytes is None
    fetch_all(server, part)
    assert part.read_bytes() == CONTENT
    server.how.resumes = True
    assert fetch(server, part, Description("a", None, None), 1).finished, "nothing is behind it"


def test_bytes_beyond_the_size_are_not_kept(server: FileServer, part: Path) -> None:
    found = describe(server)
    part.write_bytes(CONTENT + b"x")
    with pytest.raises(FailureError) as failed:
        fetch(server, part, found)
    assert failed.value.failure.code == FailureCode.SOURCE_CHANGED
    assert not part.exists()


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator who allows this machine's own network."""
    env = type(settings.ENV)(
        **{
            name: getattr(settings.ENV, name)
            for name in settings.ENV.__dataclass_fields__
            if name != "fetch_networks"
        },
        fetch_networks=tuple(HERE),
    )
    monkeypatch.setattr(settings, "ENV", env)


def begin(user: User, server: FileServer, **reference: str) -> Operation:
    return model_import(
        actor_of(user), name="tiny", source="url", reference={"url": server.url, **reference}
    )


def work_off(operation: Operation, steps: int = 20) -> Operation:
    for _ in range(steps):
        operation.refresh_from_db()
        if OperationState(operation.state).finished:
            break
        reconcile_operation(operation.pk)
    operation.refresh_from_db()
    return operation


def test_an_import_over_a_bad_line_ends_in_a_verified_artifact(
    bob: User, server: FileServer, allowed: None
) -> None:
    server.content = gguf_bytes()
    server.how.cut_after = len(server.content) // 3
    operation = work_off(begin(bob, server, sha256=server.sha256))
    assert operation.state == OperationState.SUCCEEDED
    assert Artifact.objects.get().sha256 == server.sha256
    assert not part_path(operation).exists()


def test_an_import_of_something_else_is_not_kept(
    bob: User, server: FileServer, allowed: None
) -> None:
    server.content = gguf_bytes()
    operation = work_off(begin(bob, server, sha256="0" * 64))
    assert (operation.state, operation.failure_code) == (OperationState.FAILED, "CHECKSUM")
    assert not part_path(operation).exists()
    assert not Artifact.objects.exists()


def test_an_import_from_a_server_that_fails_waits_and_then_asks_a_person(
    bob: User, server: FileServer, allowed: None
) -> None:
    server.how.answers = [(500, {})] * 50
    operation = begin(bob, server)
    waits = []
    for _ in range(20):
        reconcile_operation(operation.pk)
        operation.refresh_from_db()
        if OperationState(operation.state).finished:
            break
        waits.append(operation.attempts)
        Operation.objects.filter(pk=operation.pk).update(next_action_at=operation.created_at)
    assert waits == [1, 2, 3, 4, 5]
    assert (operation.state, operation.failure_code) == (
        OperationState.FAILED,
        "SOURCE_UNREACHABLE",
    )


@pytest.mark.django_db(transaction=True)
def test_an_import_from_a_silent_server_is_cancelled_in_time(
    server: FileServer, allowed: None
) -> None:
    bob = make_user("bob", Role.OPERATOR)
    server.content = gguf_bytes()
    server.how.stall_after = 100
    operation = begin(bob, server)
    worker = threading.Thread(target=_reconcile, args=(operation.pk,))
    worker.start()
    eventually(lambda: part_path(operation).exists())
    began = time.monotonic()
    operation_cancel(actor_of(bob), operation)
    worker.join(30)
    operation.refresh_from_db()
    assert operation.state == OperationState.CANCELLED
    assert time.monotonic() - began < 10
    assert not part_path(operation).exists()


def _reconcile(operation_id: int) -> None:
    try:
        reconcile_operation(operation_id)
    finally:
        connection.close()
