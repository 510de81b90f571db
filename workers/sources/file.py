"""Model files on this machine: a path that an admin names, or a finished upload."""

import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models_app.domain.failures import FailureCode, fail
from models_app.domain.references import is_kernels_own
from models_app.domain.specs import Transfer
from models_app.domain.uploads import UploadFolder
from workers.sources.base import Description, promised_sha256
from workers.sources.copying import append_slice, check_space


class FileSource:
    """`{"path": "/models/a.gguf"}`: copied in slices, so that the original stays untouched."""

    key = "file"

    def describe(self, reference: Mapping[str, Any]) -> Description:
        """Return name and size; the time of the last change tells a changed file."""
        path = _checked(reference)
        found = path.stat()
        return Description(
            file_name=path.name,
            size_bytes=found.st_size,
            sha256=promised_sha256(reference),
            validators={"modified_ns": str(found.st_mtime_ns)},
        )

    def fetch(
        self,
        reference: Mapping[str, Any],
        description: Description,
        part: Path,
        *,
        seconds: float,
    ) -> Transfer:
        """Copy for at most `seconds`, going on behind the last byte of `part`."""
        path = _checked(reference)
        found = path.stat()
        is_same = found.st_size == description.size_bytes
        if not is_same or str(found.st_mtime_ns) != description.validators.get("modified_ns"):
            part.unlink(missing_ok=True)
            raise fail(FailureCode.SOURCE_CHANGED, source=str(path))
        check_space(part, found.st_size)
        return append_slice(path, part, size=found.st_size, until=time.monotonic() + seconds)


class UploadSource:
    """`{"upload": "<id>", "file_name": "a.gguf"}`: received whole by the front door, now moved.

    The folder of uploads is where `part` lies; an upload is `<id>.upload` beside it.
    """

    key = "upload"

    def __init__(self, uploads: Path) -> None:
        self._folder = UploadFolder(uploads)

    def describe(self, reference: Mapping[str, Any]) -> Description:
        """Return what was received."""
        path = self._path(reference)
        size = path.stat().st_size if path.is_file() else None
        return Description(
            file_name=str(reference.get("file_name", "model.gguf")),
            size_bytes=size,
            sha256=promised_sha256(reference),
        )

    def fetch(
        self,
        reference: Mapping[str, Any],
        description: Description,
        part: Path,
        *,
        seconds: float,
    ) -> Transfer:
        """Rename the upload; a repeated call finds it renamed already."""
        path = self._path(reference)
        if path.is_file():
            path.replace(part)
        if not part.is_file():
            raise fail(FailureCode.ARTIFACT_MISSING, file=description.file_name)
        size = part.stat().st_size
        return Transfer(
            done_bytes=size,
            total_bytes=size,
            finished=True,
            path=str(part),
            sha256=self._folder.arrived(str(reference["upload"]), part),
        )

    def _path(self, reference: Mapping[str, Any]) -> Path:
        path = self._folder.path_of(str(reference.get("upload", "")))
        if path is None:
            raise fail(FailureCode.SOURCE_REFUSED, reason="upload")
        return path


def _checked(reference: Mapping[str, Any]) -> Path:
    """Return the path when it is a regular file outside the kernel's own folders."""
    text = str(reference.get("path", ""))
    if not text.startswith("/") or "\0" in text:
        raise fail(FailureCode.SOURCE_REFUSED, reason="path", path=text[:200])
    path = Path(os.path.realpath(text))
    if is_kernels_own(str(path)):
        raise fail(FailureCode.SOURCE_REFUSED, reason="path", path=text[:200])
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise fail(FailureCode.ARTIFACT_MISSING, file=text[:200]) from None
    except OSError as error:
        raise fail(FailureCode.SOURCE_REFUSED, reason=str(error), path=text[:200]) from None
    if not stat.S_ISREG(mode):
        raise fail(FailureCode.SOURCE_REFUSED, reason="not a file", path=text[:200])
    return path
