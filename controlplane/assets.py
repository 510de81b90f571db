"""Static files: addresses that change with their content, and a compressed copy of each text.

There is no collect step in the embedded default. A short hash in the query stands for it: cached
for long, never stale. The copies lie in the data folder and are made once per content.
"""

import gzip
import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import MissingFileError, StaticFile

TEXTS = {".css", ".js", ".svg", ".json", ".html", ".txt", ".map"}
WORTH_IT_BYTES = 1024


def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:10]


_cached_digest = lru_cache(maxsize=256)(_digest)


class ContentVersionedStorage(StaticFilesStorage):
    """Adds `?v=<hash of the content>` to each static file's address.

    Addresses are kept for the life of the process: a page names some eighty, and looking for each
    in every application's folder would be a good part of its time. DEBUG looks every time.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known: dict[str, str] = {}

    def url(self, name: str | None) -> str:
        """Return the address of a static file; unversioned when there is no such file."""
        known = self._known.get(name or "")
        if known and not settings.DEBUG:
            return known
        address = super().url(name)
        found = finders.find(name) if name else None
        if not isinstance(found, str):
            return address
        digest = _digest(found) if settings.DEBUG else _cached_digest(found)
        self._known[name or ""] = f"{address}?v={digest}"
        return self._known[name or ""]


def compressed_copy(source: Path, folder: Path) -> Path | None:
    """Return the gzip copy of a text, made when it is absent; None where it is not worth it."""
    facts = source.stat()
    if source.suffix not in TEXTS or facts.st_size < WORTH_IT_BYTES:
        return None
    key = f"{source}:{facts.st_size}:{facts.st_mtime_ns}"
    copy = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:20]}.gz"
    if not copy.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = copy.with_suffix(f".{os.getpid()}")
        draft.write_bytes(gzip.compress(source.read_bytes(), mtime=0))
        draft.replace(copy)
    return copy


class CompressingWhiteNoise(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Serves the compressed copy to browsers that take it."""

    def get_static_file(
        self,
        path: str,
        url: str,
        stat_cache: dict[str, os.stat_result] | None = None,
    ) -> StaticFile:
        """Return what answers for `url`, with its copy as an alternative."""
        source = Path(path)
        if not source.is_file():
            raise MissingFileError(path)
        headers = Headers([])
        self.add_mime_headers(headers, path, url)
        self.add_cache_headers(headers, path, url)
        copy = compressed_copy(source, settings.PATHS.static_copies)
        return StaticFile(path, headers.items(), encodings={"gzip": str(copy)} if copy else {})
