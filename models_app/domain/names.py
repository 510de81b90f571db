"""The grammar of names: safe in addresses, labels, file names, containers and shells alike."""

import re
import unicodedata

from models_app.domain.errors import InvalidError

NAME_LENGTH = 48
FILE_NAME_LENGTH = 120
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?")  # one DNS label
_UNSAFE_IN_FILE = re.compile(r"[^A-Za-z0-9._-]+")


def check_name(name: str, field: str = "name") -> str:
    """Return the name when it is a slug. Raises InvalidError NAME_INVALID."""
    if not _NAME.fullmatch(name):
        raise InvalidError(
            "NAME_INVALID", params={"name": name[:60]}, fields={field: "NAME_INVALID"}
        )
    return name


def slugify_name(text: str) -> str:
    """Return a name made of what people wrote; `model` when nothing of it is usable."""
    plain = unicodedata.normalize("NFKD", text[:500]).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:NAME_LENGTH].strip("-")
    return slug or "model"


def safe_file_name(text: str) -> str:
    """Return the last part of a path as a harmless file name; what is too long keeps its ending.

    Harmless names stay as they are, so that the answer can be asked again.
    """
    last = text.replace("\\", "/").rsplit("/", 1)[-1]
    return _UNSAFE_IN_FILE.sub("_", last)[-FILE_NAME_LENGTH:].lstrip(".-") or "file"


def workload_name(deployment: str, index: int, revision: int) -> str:
    """Return the deterministic name of a replica's workload on its host."""
    return f"slipway-{deployment}-{index}-r{revision}"
