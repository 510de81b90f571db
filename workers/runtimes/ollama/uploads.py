"""Brings an artifact of the model store to a server, in the background, with progress.

An upload is one request and cannot be resumed; it lives as long as somebody looks at it. The server
compares the sha256 when the last byte has come, and keeps nothing under a wrong name.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from models_app.domain.failures import FailureCode, fail
from models_app.domain.specs import ArtifactRef, Transfer
from workers.clients.held_requests import Held, hold, take
from workers.runtimes.ollama.server import HELD, Access, OllamaServer

PIECE_BYTES = 1 << 20


def upload(access: Access, artifact: ArtifactRef, path: Path, *, seconds: float) -> Transfer:
    """Carry the upload on for at most `seconds`; `finished` says that the file lies there.

    Raises FailureError: ARTIFACT_MISSING, CHECKSUM, DISK_FULL; RuntimeUnreachableError.
    """
    _check_file(artifact, path)
    key = _key(access, artifact)

    def work(held: Held) -> None:
        with OllamaServer(access, HELD) as server:
            pieces = file_pieces(artifact, path, held.tell)
            server.send_blob(artifact.sha256, pieces, artifact.size_bytes)

    held = hold(key, work)
    if not held.wait(seconds):
        return Transfer(int(held.news or 0), artifact.size_bytes, finished=False, phase="copying")
    take(key)
    held.outcome()
    return Transfer(artifact.size_bytes, artifact.size_bytes, finished=True, sha256=artifact.sha256)


def upload_forget(access: Access, artifact: ArtifactRef) -> None:
    """Forget an upload whose file was seen to lie there: once deleted, it must be sent anew."""
    take(_key(access, artifact))


def _key(access: Access, artifact: ArtifactRef) -> str:
    return f"upload {access.url} {artifact.sha256}"


def _check_file(artifact: ArtifactRef, path: Path) -> None:
    try:
        found = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        raise fail(FailureCode.ARTIFACT_MISSING, file=artifact.file_name) from None
    if found != artifact.size_bytes:
        raise fail(
            FailureCode.CHECKSUM,
            file=artifact.file_name,
            expected_bytes=artifact.size_bytes,
            found_bytes=found,
        )


def file_pieces(artifact: ArtifactRef, path: Path, tell: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the file, telling how much was taken. Raises FailureError before the first byte."""
    _check_file(artifact, path)
    return _pieces(path, tell)


def _pieces(path: Path, tell: Callable[[int], None]) -> Iterator[bytes]:
    done = 0
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            tell(done)
            yield piece
            done += len(piece)
    tell(done)
