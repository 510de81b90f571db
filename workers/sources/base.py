"""The Source seam: where model files come from.

A source describes a reference without downloading it, and fetches it in slices of time, so that no
task ever waits for a download: a worker that dies costs one slice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from models_app.domain.specs import Transfer


@dataclass(frozen=True, slots=True)
class Description:
    """What a source knows before any byte is fetched. None means unknown."""

    file_name: str
    size_bytes: int | None
    sha256: str | None
    validators: Mapping[str, str] = field(default_factory=dict)  # ETag, Last-Modified, revision


def promised_sha256(reference: Mapping[str, Any]) -> str | None:
    """Return the checksum that whoever wrote the reference gave; what comes is held to it."""
    return str(reference["sha256"]).lower() if reference.get("sha256") else None


class Source(Protocol):
    """What every source SHALL do; `tests/contracts/test_sources.py` holds each one to it."""

    key: str

    def describe(self, reference: Mapping[str, Any]) -> Description:
        """Return the facts of a reference. SHALL NOT download the content."""
        ...

    def fetch(
        self,
        reference: Mapping[str, Any],
        description: Description,
        part: Path,
        *,
        seconds: float,
    ) -> Transfer:
        """Append to the file `part` for at most `seconds`; call again until finished.

        SHALL resume where `part` ends. SHALL raise FailureError(SOURCE_CHANGED) when what is
        offered now is not what was begun, SOURCE_UNREACHABLE when the other side is away,
        SOURCE_REFUSED when it says no, SOURCE_CUT when the line broke and cannot be resumed,
        DISK_FULL when the disk is. Never writes anywhere else. MAY say the `sha256` of what is
        finished where it was computed as the bytes came; else the file is read for it.
        """
        ...
