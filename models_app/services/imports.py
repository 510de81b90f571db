"""Looks at what an import is to bring, before the import begins: refused at once, or not at all.

A web address is resolved and guarded, but nothing is connected to. A file that lies on this machine
is opened for its header. What cannot be known here (a name that no resolver answers in time, a path
that only the workers' machine has) is left to the hands, who judge all of it again.
"""

import ipaddress
import os
import stat
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from models_app.domain.actors import Actor
from models_app.domain.addresses import resolve
from models_app.domain.errors import ConflictError, InvalidError, NotFoundError
from models_app.domain.gguf import GgufError, read_header
from models_app.domain.names import safe_file_name
from models_app.domain.references import check_reference, is_kernels_own
from models_app.domain.uploads import UploadFolder
from models_app.domain.urls import guard_url
from models_app.selectors.instance import fetch_networks

RESOLVE_S = 1.0  # the ledger's write lock may be held meanwhile


def import_check(actor: Actor, source: str, reference: Mapping[str, Any]) -> dict[str, str]:
    """Return the reference as it is kept. Raises InvalidError, NotFoundError, ConflictError."""
    kept = check_reference(source, reference)
    if source == "url":
        _check_url(kept["url"])
    elif source == "file":
        _check_path(kept["path"])
    elif source == "upload":
        kept["file_name"] = safe_file_name(kept.get("file_name") or "model.gguf")
        _check_upload(actor, kept["upload"])
    return kept


def _check_url(url: str) -> None:
    networks = [ipaddress.ip_network(text) for text in fetch_networks()]
    try:
        guard_url(url, allow=networks, resolver=_resolve_soon)
    except InvalidError as error:
        error.fields = {"reference.url": error.code}
        raise
    except OSError:
        return  # no answer now: the hands ask again, and guard what they get


def _resolve_soon(host: str, port: int) -> list[str]:
    """Resolve a name, but not for long. Raises OSError."""
    found: list[str] = []

    def ask() -> None:
        try:
            found.extend(resolve(host, port))
        except (OSError, UnicodeError):  # told by finding nothing
            return

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(RESOLVE_S)
    if asking.is_alive() or not found:
        raise OSError(host)
    return found


def _check_path(path: str) -> None:
    real, field = os.path.realpath(path), "reference.path"
    if is_kernels_own(real):  # behind a link
        raise InvalidError("PATH_FORBIDDEN", fields={field: "PATH_FORBIDDEN"})
    try:
        mode = Path(real).stat().st_mode
    except FileNotFoundError:
        if settings.ENV.broker_url:  # the workers may run elsewhere, and see other disks
            return
        raise InvalidError("PATH_MISSING", fields={field: "PATH_MISSING"}) from None
    except OSError:
        raise InvalidError("PATH_UNREADABLE", fields={field: "PATH_UNREADABLE"}) from None
    if not stat.S_ISREG(mode):
        raise InvalidError("PATH_INVALID", fields={field: "PATH_INVALID"})
    _check_header(Path(real), field)


def _check_upload(actor: Actor, upload: str) -> None:
    """An upload is one's own, whole and a model; one that is no model is not kept."""
    folder = UploadFolder(settings.PATHS.uploads)
    try:
        found = folder.find(actor.user_id, upload)
    except NotFoundError as error:
        error.fields = {"reference.upload": error.code}
        raise
    if not found.is_whole:
        raise ConflictError(
            "UPLOAD_UNFINISHED", params={"done_bytes": found.offset, "size_bytes": found.size_bytes}
        )
    path = folder.path_of(upload)
    if path is None:
        return
    try:
        _check_header(path, "reference.upload")
    except InvalidError:
        folder.forget(actor.user_id, upload)
        raise


def _check_header(path: Path, field: str) -> None:
    try:
        read_header(path)
    except GgufError as error:
        params = {"fault": error.reason.value, **error.params}
        raise InvalidError("NOT_A_MODEL", params=params, fields={field: "NOT_A_MODEL"}) from None
    except OSError:
        raise InvalidError("PATH_UNREADABLE", fields={field: "PATH_UNREADABLE"}) from None
