"""Secrets that Slipway generates for itself: random, in files of mode 0600, never in the code."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

SECRET_BYTES = 64


def _new_secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES) + "\n"


def read_or_create(folder: Path, name: str, make: Callable[[], str] = _new_secret) -> str:
    """Return the secret of that name, made by `make` at its first use.

    Two processes may start at once: the file is linked into place whole, and the loser reads the
    winner's. Raises OSError when the folder cannot be written.
    """
    path = folder / name
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(make())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()
