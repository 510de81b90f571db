"""Where a model comes from, as people write it: checked at once, so that nothing wrong is begun.

A reference holds what its source needs and nothing else. Whatever can be known from the text alone
is judged here; whether the file is there, and what it holds, `services/imports.py` looks.
"""

import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Any

from models_app.domain.bundled import BUNDLED
from models_app.domain.errors import InvalidError
from models_app.domain.names import FILE_NAME_LENGTH

# source -> (what it needs, what it may have)
FIELDS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "url": (frozenset({"url"}), frozenset({"sha256"})),
    "file": (frozenset({"path"}), frozenset({"sha256"})),
    "upload": (frozenset({"upload"}), frozenset({"file_name", "sha256"})),
    "bundled": (frozenset({"key"}), frozenset()),
}
FORBIDDEN_FOLDERS = ("/proc", "/sys", "/dev", "/run")  # the kernel's own, never a model's
LONGEST = 2000
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def check_reference(source: str, reference: Mapping[str, Any]) -> dict[str, str]:
    """Return the reference as it is kept. Raises InvalidError naming `reference.<field>`.

    A source that is not one of ours (a plug-in's) is left to judge its own.
    """
    if source not in FIELDS:
        return dict(reference)
    needed, allowed = FIELDS[source]
    wrong = dict.fromkeys(needed - set(reference), "FIELD_REQUIRED")
    wrong |= {str(key)[:60]: "FIELD_UNKNOWN" for key in set(reference) - needed - allowed}
    for key, value in reference.items():
        if key not in wrong:
            problem = _problem(key, value)
            wrong |= {key: problem} if problem else {}
    if wrong:
        raise InvalidError(
            "REFERENCE_INVALID",
            params={"source": source},
            fields={f"reference.{key}": code for key, code in sorted(wrong.items())},
        )
    kept = {key: str(value) for key, value in reference.items()}
    if "sha256" in kept:
        kept["sha256"] = kept["sha256"].lower()
    return kept


def _problem(key: str, value: Any) -> str | None:
    """Return what is wrong with one value; None when nothing is."""
    if not isinstance(value, str):
        return "WRONG_TYPE"
    if not value or len(value) > LONGEST or not value.isprintable():
        return "VALUE_INVALID"
    judge = _JUDGES.get(key)
    return judge(value) if judge else None


def _path_problem(path: str) -> str | None:
    if not path.startswith("/") or ".." in path.split("/"):
        return "PATH_INVALID"
    return "PATH_FORBIDDEN" if is_kernels_own(path) else None


def is_kernels_own(path: str) -> bool:
    """Return whether an absolute path leads into a folder of the kernel's own."""
    plain = posixpath.normpath("/" + path.lstrip("/"))
    return any(plain == folder or plain.startswith(f"{folder}/") for folder in FORBIDDEN_FOLDERS)


def _is_plain_name(name: str) -> bool:
    """Return whether a name leads nowhere; what else is odd in it is made harmless later."""
    return len(name) <= FILE_NAME_LENGTH and not set(name) & {"/", "\\"} and name.strip(". ") != ""


_JUDGES: Mapping[str, Callable[[str], str | None]] = {
    "path": _path_problem,
    "sha256": lambda text: None if _SHA256.fullmatch(text) else "SHA256_INVALID",
    "file_name": lambda text: None if _is_plain_name(text) else "FILE_NAME_INVALID",
    "key": lambda text: None if text in BUNDLED else "BUNDLED_UNKNOWN",
}
