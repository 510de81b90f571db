"""Models that come with Slipway as installed packages: there is something to run from the start."""

import importlib.util
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models_app.domain.bundled import BUNDLED
from models_app.domain.failures import FailureCode, fail
from models_app.domain.specs import Transfer
from workers.sources.base import Description
from workers.sources.copying import append_slice, check_space


class BundledSource:
    """`{"key": "smollm2-135m-instruct"}`: copied out of the package that carries it."""

    key = "bundled"

    def describe(self, reference: Mapping[str, Any]) -> Description:
        """Return name, size and the pinned sha256."""
        path, sha256 = _find(reference)
        return Description(file_name=path.name, size_bytes=path.stat().st_size, sha256=sha256)

    def fetch(
        self,
        reference: Mapping[str, Any],
        description: Description,
        part: Path,
        *,
        seconds: float,
    ) -> Transfer:
        """Copy for at most `seconds`."""
        path, _ = _find(reference)
        size = description.size_bytes or path.stat().st_size
        check_space(part, size)
        return append_slice(path, part, size=size, until=time.monotonic() + seconds)


def _find(reference: Mapping[str, Any]) -> tuple[Path, str]:
    key = str(reference.get("key", ""))
    if key not in BUNDLED:
        raise fail(FailureCode.SOURCE_REFUSED, reason="unknown", key=key[:100])
    package, file_name, sha256 = BUNDLED[key]
    # find_spec does not run the package: only its file is wanted.
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    path = next((Path(f) / file_name for f in folders if (Path(f) / file_name).is_file()), None)
    if path is None:
        raise fail(FailureCode.ARTIFACT_MISSING, file=file_name, package=package)
    return path, sha256
