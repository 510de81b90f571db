"""Files on their way in from a browser: received in pieces, so that a broken line costs one piece.

An upload is `<id>.upload` in the uploads folder; the id holds a secret part and the user's own, so
that nobody can write into another's. The hands move it away when the import begins.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from django.conf import settings

from models_app.domain.actors import Actor
from models_app.domain.errors import ConflictError, NotFoundError, TooLargeError
from models_app.domain.states import Role

PIECE_BYTES = 8 << 20
SPACE_KEPT_BYTES = 512 << 20  # of the disk, for everything else
_CHUNK = 1 << 20


class Body(Protocol):
    """Where a piece is read from: a request."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""
        ...


def upload_begin(actor: Actor, size_bytes: int) -> str:
    """Return the id of a new upload. Raises TooLargeError when the disk has no room for it."""
    actor.require(Role.OPERATOR)
    folder: Path = settings.PATHS.uploads
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free - SPACE_KEPT_BYTES
    if size_bytes > free:
        raise TooLargeError(
            "DISK_SPACE", params={"needed_bytes": size_bytes, "free_bytes": max(free, 0)}
        )
    upload = f"u{actor.user_id}-{token_hex(16)}"
    _path(upload).touch(mode=0o600)
    return upload


def upload_append(actor: Actor, upload: str, offset: int, body: Body) -> int:
    """Write a piece at `offset`, which must be where the file ends; return where it ends then.

    Raises ConflictError UPLOAD_OFFSET with the right offset, TooLargeError beyond PIECE_BYTES.
    """
    path = upload_path(actor, upload)
    with path.open("r+b") as file:
        end = file.seek(0, 2)
        if offset != end:
            raise ConflictError("UPLOAD_OFFSET", params={"done": end})
        for chunk in _chunks(body):
            file.write(chunk)
            if file.tell() - offset > PIECE_BYTES:
                file.truncate(offset)
                raise TooLargeError(params={"limit_bytes": PIECE_BYTES})
        return file.tell()


def upload_cancel(actor: Actor, upload: str) -> None:
    """Forget an upload; one that is not there is forgotten already."""
    actor.require(Role.OPERATOR)
    if _is_own(actor, upload):
        _path(upload).unlink(missing_ok=True)


def upload_path(actor: Actor, upload: str) -> Path:
    """Return the file of one's own upload. Raises NotFoundError UPLOAD_UNKNOWN."""
    actor.require(Role.OPERATOR)
    if not _is_own(actor, upload) or not _path(upload).is_file():
        raise NotFoundError("UPLOAD_UNKNOWN")
    return _path(upload)


def _is_own(actor: Actor, upload: str) -> bool:
    owner, _, secret = upload.partition("-")
    return owner == f"u{actor.user_id}" and len(secret) == 32 and secret.isalnum()  # noqa: PLR2004


def _path(upload: str) -> Path:
    folder: Path = settings.PATHS.uploads
    return folder / f"{upload}.upload"


def _chunks(body: Body) -> Iterator[bytes]:
    while chunk := body.read(_CHUNK):
        yield chunk
