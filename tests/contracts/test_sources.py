"""What every source SHALL do. A new one joins with one more entry of CASES."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from models_app.domain.bundled import BUNDLED
from models_app.domain.failures import TERMINAL, FailureCode, FailureError
from models_app.domain.specs import Transfer
from models_app.domain.uploads import UploadFolder
from tests.file_server import file_server
from tests.requirements import need
from tests.small_disk import small_disk
from workers.sources import copying
from workers.sources.base import Description, Source
from workers.sources.bundled import BundledSource
from workers.sources.file import FileSource, UploadSource
from workers.sources.url import UrlSource

SIZE = (24 << 20) + 5
CONTENT = bytes(range(256)) * (SIZE // 256) + b"tail!"
SLICES = 4000
GIB = 1 << 30


@dataclass
class Case:
    """One source with something to fetch."""

    make: Callable[[], Source]  # as a fresh worker would make it
    reference: dict[str, Any]
    sha256: str
    missing: dict[str, Any]  # a reference to nothing
    change: Callable[[], None] | None = None  # what is offered becomes something else
    moves: bool = False  # the file is moved and not copied: all at once, and gone where it was
    keeps_promise: bool = True  # takes a sha256 with the reference
    folder: Path = field(default_factory=Path)

    @property
    def part(self) -> Path:
        """Where it is fetched to."""
        return self.folder / "import.part"

    def describe(self) -> Description:
        """Describe it."""
        return self.make().describe(self.reference)

    def fetch(self, description: Description, seconds: float = 0.0) -> Transfer:
        """Fetch one slice, as a worker that knows nothing of the slices before."""
        return self.make().fetch(self.reference, description, self.part, seconds=seconds)

    def fetch_all(self, description: Description) -> list[Transfer]:
        """Fetch slice by slice until it is whole; bounded."""
        done: list[Transfer] = []
        while not done or not done[-1].finished:
            assert len(done) < SLICES, done[-3:]
            done.append(self.fetch(description))
        return done


def file_case(folder: Path, _cleaning: ExitStack) -> Case:
    path = folder.parent / "original.gguf"
    path.write_bytes(CONTENT)

    def change() -> None:
        path.write_bytes(CONTENT + b"more")

    return Case(
        FileSource,
        {"path": str(path)},
        hashlib.sha256(CONTENT).hexdigest(),
        {"path": str(path) + ".not"},
        change=change,
    )


def upload_case(folder: Path, _cleaning: ExitStack) -> Case:
    uploads = UploadFolder(folder)
    upload = uploads.begin(1, len(CONTENT), limit_bytes=GIB)
    path = uploads.path_of(upload.id)
    assert path is not None
    path.write_bytes(CONTENT)
    return Case(
        lambda: UploadSource(folder),
        {"upload": upload.id, "file_name": "model.gguf"},
        hashlib.sha256(CONTENT).hexdigest(),
        {"upload": "u1-" + "0" * 32 + "-5"},
        moves=True,
    )


def url_case(_folder: Path, cleaning: ExitStack) -> Case:
    server = cleaning.enter_context(file_server(CONTENT))

    def change() -> None:
        server.content = CONTENT[:-1] + b"?"

    return Case(
        lambda: UrlSource(allow=["127.0.0.1/32"]),
        {"url": server.url},
        server.sha256,
        {"url": "http://127.0.0.1:1/gone.gguf"},
        change=change,
    )


def bundled_case(_folder: Path, _cleaning: ExitStack) -> Case:
    need("smollm2")
    key, (_, _, sha256) = next(iter(BUNDLED.items()))
    return Case(BundledSource, {"key": key}, sha256, {"key": "nothing"}, keeps_promise=False)


CASES = {"file": file_case, "upload": upload_case, "url": url_case, "bundled": bundled_case}


copied = pytest.mark.parametrize("kind", [kind for kind in CASES if kind != "upload"])
"""Sources that copy; an upload is moved, all at once."""
changing = pytest.mark.parametrize("kind", ["file", "url"])
"""Sources whose file may become another meanwhile."""


@pytest.fixture(params=CASES)
def kind(request: pytest.FixtureRequest) -> str:
    """Every source, unless a test names fewer."""
    return str(request.param)


@pytest.fixture
def case(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    monkeypatch.setattr(copying, "RESERVE", 0)  # whatever machine the tests run on
    folder = tmp_path / "uploads"
    folder.mkdir(mode=0o700)
    with ExitStack() as cleaning:
        made = CASES[kind](folder, cleaning)
        made.folder = folder
        yield made


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_it_tells_what_there_is_without_fetching_it(case: Case) -> None:
    before = sorted(case.folder.iterdir())
    found = case.describe()
    assert found.file_name.endswith(".gguf")
    assert found.size_bytes
    assert found == case.describe(), "asked twice, told twice"
    assert sorted(case.folder.iterdir()) == before


def test_what_comes_is_what_there_is(case: Case) -> None:
    found = case.describe()
    slices = case.fetch_all(found)
    assert digest_of(case.part) == case.sha256
    assert slices[-1].done_bytes == found.size_bytes == case.part.stat().st_size
    assert [one.done_bytes for one in slices] == sorted(one.done_bytes for one in slices)
    assert case.moves or len(slices) > 2, "a slice must not be the whole file"


def test_it_writes_the_part_and_nothing_else(case: Case) -> None:
    before = {path.name for path in case.folder.parent.rglob("*")}
    case.fetch_all(case.describe())
    made = {path.name for path in case.folder.parent.rglob("*")} - before
    assert made == {case.part.name}


@copied
@pytest.mark.parametrize("have", [1, 4096, SIZE // 2, SIZE - 1])
def test_it_goes_on_behind_the_last_byte(case: Case, have: int) -> None:
    """A worker was killed in the middle of a write: the part holds any number of good bytes."""
    found = case.describe()
    case.fetch_all(found)
    with case.part.open("r+b") as file:
        file.truncate(have)
    assert case.fetch(found).done_bytes > have
    case.fetch_all(found)
    assert digest_of(case.part) == case.sha256


def test_asked_again_when_all_is_here_it_changes_nothing(case: Case) -> None:
    found = case.describe()
    last = case.fetch_all(found)[-1]
    before = case.part.stat()
    assert case.fetch(found) == last
    after = case.part.stat()
    assert (before.st_ino, before.st_size, before.st_mtime_ns) == (
        after.st_ino,
        after.st_size,
        after.st_mtime_ns,
    )


def test_a_promised_sum_is_carried_to_whoever_checks_it(case: Case) -> None:
    if not case.keeps_promise:
        assert case.describe().sha256 == case.sha256, "pinned"
        return
    assert case.describe().sha256 is None
    case.reference["sha256"] = case.sha256.upper()
    assert case.describe().sha256 == case.sha256


def test_what_is_not_there_ends_with_a_code_and_leaves_nothing(case: Case) -> None:
    def bring() -> None:
        found = case.make().describe(case.missing)
        case.make().fetch(case.missing, found, case.part, seconds=0)

    with pytest.raises(FailureError) as failed:
        bring()
    code = failed.value.failure.code
    assert code in {
        FailureCode.ARTIFACT_MISSING,
        FailureCode.SOURCE_REFUSED,
        FailureCode.SOURCE_UNREACHABLE,
    }
    assert (code in TERMINAL) == (code != FailureCode.SOURCE_UNREACHABLE)
    assert not case.part.exists()


@changing
def test_what_changes_on_the_way_is_not_put_together(case: Case) -> None:
    assert case.change is not None
    found = case.describe()
    first = case.fetch(found)
    assert not first.finished
    with case.part.open("r+b") as file:  # as if the worker had been killed: its stream is gone
        file.truncate(first.done_bytes - 1)
    case.change()
    with pytest.raises(FailureError) as failed:
        case.fetch_all(found)
    assert failed.value.failure.code == FailureCode.SOURCE_CHANGED
    assert not case.part.exists(), "half of one and half of another"


@copied
def test_no_room_is_said_before_the_first_byte(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "RESERVE", 1 << 60)
    with pytest.raises(FailureError) as failed:
        case.fetch(case.describe())
    failure = failed.value.failure
    assert failure.code == FailureCode.DISK_SPACE
    assert failure.params["needed_bytes"] > failure.params["free_bytes"]
    assert not case.part.exists()


@copied
def test_a_disk_that_fills_up_on_the_way_ends_it_and_keeps_what_came(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real file system of 16 MiB; the room that was there when it was asked for goes."""
    found = case.describe()
    usage = shutil.disk_usage(tmp_path)._replace(free=GIB)
    monkeypatch.setattr(copying.shutil, "disk_usage", lambda _path: usage)
    with small_disk(tmp_path / "small", 16) as folder:
        case.folder = folder
        with pytest.raises(FailureError) as failed:
            case.fetch_all(found)
        assert failed.value.failure.code == FailureCode.DISK_FULL
        assert not failed.value.failure.retry
        assert 0 < case.part.stat().st_size <= 16 << 20
        monkeypatch.undo()
        with pytest.raises(FailureError) as again:
            case.fetch(found)
        assert again.value.failure.code == FailureCode.DISK_SPACE, "no second attempt on it"
