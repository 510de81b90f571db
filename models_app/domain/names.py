"""The grammar of names: safe in addresses, labels, file names, containers and shells alike."""

import re

from models_app.domain.errors import InvalidError

NAME_LENGTH = 48
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
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:NAME_LENGTH].strip("-")
    return slug or "model"


def safe_file_name(text: str) -> str:
    """Return the last part of a path as a harmless file name of at most 120 characters."""
    name = _UNSAFE_IN_FILE.sub("_", text.replace("\\", "/").rsplit("/", 1)[-1]).lstrip(".-")
    return name[-120:] or "file"


def workload_name(deployment: str, index: int, revision: int) -> str:
    """Return the deterministic name of a replica's workload on its host."""
    return f"slipway-{deployment}-{index}-r{revision}"
