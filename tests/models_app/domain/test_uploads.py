"""Files on their way in: pieces, broken lines, two writers, announced sizes, other people."""

import errno
import hashlib
import io
import os
import time
from pathlib import Path

import pytest

from models_app.domain import uploads
from models_app.domain.errors import ConflictError, NotFoundError, TooLargeError
from models_app.domain.uploads import Upload, UploadFolder

ALICE, BOB = 1, 2
LIMIT = 1 << 30


class CutLine(io.BytesIO):
    """A body whose line is cut behind what it holds."""

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        if not piece:
            raise ConnectionError
        return piece


@pytest.fixture
def folder(tmp_path: Path) -> UploadFolder:
    return UploadFolder(tmp_path / "uploads")


def begun(folder: UploadFolder, size: int = 10) -> Upload:
    return folder.begin(ALICE, size, limit_bytes=LIMIT)


def content(folder: UploadFolder, upload: Upload) -> bytes:
    path = folder.path_of(upload.id)
    assert path is not None
    return path.read_bytes()


def test_pieces_make_a_whole(folder: UploadFolder) -> None:
    upload = begun(folder)
    assert (upload.offset, upload.is_whole) == (0, False)
    assert folder.append(ALICE, upload.id, 0, io.BytesIO(b"hello")).offset == 5
    assert folder.find(ALICE, upload.id) == Upload(upload.id, 10, 5)
    assert folder.append(ALICE, upload.id, 5, io.BytesIO(b"world")).is_whole
    assert content(folder, upload) == b"helloworld"


def test_what_came_before_the_line_was_cut_stays(folder: UploadFolder) -> None:
    upload = begun(folder)
    with pytest.raises(ConflictError) as cut:
        folder.append(ALICE, upload.id, 0, CutLine(b"hel"))
    assert (cut.value.code, cut.value.params["done"]) == ("UPLOAD_INCOMPLETE", 3)
    assert folder.append(ALICE, upload.id, 3, io.BytesIO(b"loworld")).is_whole


@pytest.mark.parametrize("offset", [1, 4, 6, 10**12])
def test_a_piece_belongs_where_the_file_ends(folder: UploadFolder, offset: int) -> None:
    upload = begun(folder)
    folder.append(ALICE, upload.id, 0, io.BytesIO(b"hello"))
    with pytest.raises(ConflictError) as wrong:
        folder.append(ALICE, upload.id, offset, io.BytesIO(b"world"))
    assert (wrong.value.code, wrong.value.params["done"]) == ("UPLOAD_OFFSET", 5)
    assert content(folder, upload) == b"hello"


def test_more_than_was_announced_is_not_kept(folder: UploadFolder) -> None:
    upload = begun(folder)
    folder.append(ALICE, upload.id, 0, io.BytesIO(b"hello"))
    with pytest.raises(TooLargeError) as overrun:
        folder.append(ALICE, upload.id, 5, io.BytesIO(b"world!"))
    assert overrun.value.code == "UPLOAD_OVERRUN"
    assert content(folder, upload) == b"hello"


def test_one_writer_at_a_time(folder: UploadFolder) -> None:
    upload = begun(folder)

    class Second(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            with pytest.raises(ConflictError) as busy:
                folder.append(ALICE, upload.id, 0, io.BytesIO(b"x"))
            assert busy.value.code == "UPLOAD_BUSY"
            return super().read(size)

    assert folder.append(ALICE, upload.id, 0, Second(b"helloworld")).is_whole


def test_anothers_upload_does_not_exist(folder: UploadFolder) -> None:
    upload = begun(folder)
    for call in (
        lambda: folder.find(BOB, upload.id),
        lambda: folder.append(BOB, upload.id, 0, io.BytesIO(b"x")),
        lambda: folder.find(None, upload.id),
    ):
        with pytest.raises(NotFoundError):
            call()
    folder.forget(BOB, upload.id)
    assert folder.find(ALICE, upload.id) == upload
    folder.forget(ALICE, upload.id)
    folder.forget(ALICE, upload.id)
    with pytest.raises(NotFoundError):
        folder.find(ALICE, upload.id)


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", "u1-..-1", "u1-" + "g" * 32 + "-a", "u1", "x\0y"]
)
def test_what_is_no_id_leads_nowhere(folder: UploadFolder, name: str) -> None:
    assert folder.path_of(name) is None
    with pytest.raises(NotFoundError):
        folder.find(ALICE, name)


def test_a_link_in_the_folder_is_not_followed(folder: UploadFolder, tmp_path: Path) -> None:
    upload = begun(folder)
    path = folder.path_of(upload.id)
    assert path is not None
    path.unlink()
    (tmp_path / "precious").touch()
    path.symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic"):
        folder.append(ALICE, upload.id, 0, io.BytesIO(b"x"))
    assert (tmp_path / "precious").read_bytes() == b""


def test_files_are_private(folder: UploadFolder) -> None:
    path = folder.path_of(begun(folder).id)
    assert path is not None
    assert path.stat().st_mode & 0o077 == 0


def test_a_size_over_the_limit_is_refused(folder: UploadFolder) -> None:
    with pytest.raises(TooLargeError) as large:
        folder.begin(ALICE, 11, limit_bytes=10)
    assert large.value.code == "UPLOAD_TOO_LARGE"


def test_room_is_not_promised_twice(folder: UploadFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": uploads.SPACE_KEPT_BYTES + 100})
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda _path: usage)
    first = folder.begin(ALICE, 80, limit_bytes=LIMIT)
    with pytest.raises(TooLargeError) as full:
        folder.begin(BOB, 40, limit_bytes=LIMIT)
    assert (full.value.code, full.value.params["free_bytes"]) == ("DISK_SPACE", 20)
    folder.forget(ALICE, first.id)
    assert folder.begin(BOB, 40, limit_bytes=LIMIT).offset == 0


def test_a_disk_that_fills_up_keeps_what_was_there(
    folder: UploadFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begun(folder)
    folder.append(ALICE, upload.id, 0, io.BytesIO(b"hello"))

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(uploads.os, "write", full)
        with pytest.raises(TooLargeError) as caught:
            folder.append(ALICE, upload.id, 5, io.BytesIO(b"world"))
    assert caught.value.code == "DISK_SPACE"
    assert content(folder, upload) == b"hello"


def test_what_nobody_finishes_is_swept(folder: UploadFolder) -> None:
    old, young = begun(folder), begun(folder)
    path = folder.path_of(old.id)
    assert path is not None
    long_ago = time.time() - uploads.ABANDONED_S - 1
    os.utime(path, (long_ago, long_ago))
    assert folder.sweep() == 1
    assert folder.find(ALICE, young.id) == young
    with pytest.raises(NotFoundError):
        folder.find(ALICE, old.id)


def hash_of(folder: UploadFolder, upload: Upload) -> str | None:
    path = folder.path_of(upload.id)
    assert path is not None
    return folder.arrived(upload.id, path)


def test_the_hash_is_known_when_the_last_byte_is_here(folder: UploadFolder) -> None:
    upload = begun(folder)
    folder.append(ALICE, upload.id, 0, io.BytesIO(b"hello"))
    assert hash_of(folder, upload) is None
    # Pieces come by whatever requests, each with a folder of its own.
    UploadFolder(folder.root).append(ALICE, upload.id, 5, io.BytesIO(b"world"))
    assert hash_of(folder, upload) == hashlib.sha256(b"helloworld").hexdigest()


def test_a_cut_line_and_a_refused_piece_leave_the_hash_right(folder: UploadFolder) -> None:
    upload = begun(folder)
    with pytest.raises(ConflictError):
        folder.append(ALICE, upload.id, 0, CutLine(b"hel"))
    with pytest.raises(TooLargeError):
        folder.append(ALICE, upload.id, 3, io.BytesIO(b"far too many bytes"))
    with pytest.raises(ConflictError):
        folder.append(ALICE, upload.id, 9, io.BytesIO(b"x"))
    folder.append(ALICE, upload.id, 3, io.BytesIO(b"loworld"))
    assert hash_of(folder, upload) == hashlib.sha256(b"helloworld").hexdigest()


def test_what_another_process_began_is_left_to_be_read(
    folder: UploadFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begun(folder)
    folder.append(ALICE, upload.id, 0, io.BytesIO(b"hello"))
    monkeypatch.setattr(uploads, "_hashes", uploads.RunningHashes())
    folder.append(ALICE, upload.id, 5, io.BytesIO(b"world"))
    assert hash_of(folder, upload) is None


def test_a_file_that_was_touched_has_no_hash(folder: UploadFolder) -> None:
    upload = begun(folder)
    folder.append(ALICE, upload.id, 0, io.BytesIO(b"helloworld"))
    path = folder.path_of(upload.id)
    assert path is not None
    path.write_bytes(b"helloWORLD")
    os.utime(path, ns=(1, 1))
    assert hash_of(folder, upload) is None


def test_the_hash_goes_with_its_upload(folder: UploadFolder) -> None:
    first, second = begun(folder), begun(folder)
    for upload in (first, second):
        folder.append(ALICE, upload.id, 0, io.BytesIO(b"helloworld"))
    folder.forget(ALICE, first.id)
    assert sorted(path.suffix for path in folder.root.iterdir()) == [".sha256", ".upload"]
    assert folder.sweep(older_than_s=-1) == 1
    assert list(folder.root.iterdir()) == []
