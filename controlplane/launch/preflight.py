"""What must be true before anything starts, each failure said in one line.

Runs before Django's settings are read, because those already write secrets into the data folder.
"""

import errno
import os
import re
import shutil
import socket
import sys
import tempfile
from pathlib import Path

from controlplane.settings.env import ROOT, Env, SettingError, read_env
from controlplane.settings.paths import DataPaths

LEAST_FREE_BYTES = 100 * 2**20  # to start at all: logs, a copy of the database before a migration
# The supervisor's configuration file would read these as a comment, an end of line, a variable.
_UNSAFE_IN_CONFIG = re.compile(r"[\x00-\x1f\x7f%]|\s[;#]")


class RefusedError(Exception):
    """Slipway cannot start here; the message is the one line to show."""


def check_place() -> Env:
    """Return the environment when every command can work in it. Raises RefusedError."""
    try:
        env = read_env()
    except SettingError as error:
        raise RefusedError(str(error)) from None
    _check_data_folder(DataPaths(env.data))
    return env


def check_start(env: Env) -> None:
    """Check what only `up` needs: a usable path, disk, a port. Raises RefusedError."""
    for path in (env.data, ROOT, Path(sys.executable)):
        if _UNSAFE_IN_CONFIG.search(str(path)):
            raise RefusedError(
                f"The path {str(path)!r} has a %, a control character, or ; or # after a space:"
                " choose another place for it."
            )
    free = shutil.disk_usage(env.data).free
    if free < LEAST_FREE_BYTES:
        raise RefusedError(
            f"The disk that holds {env.data} is full: {free // 2**20} MiB free, at least"
            f" {LEAST_FREE_BYTES // 2**20} MiB needed."
        )
    _check_port(env.host, env.port)


def _check_data_folder(paths: DataPaths) -> None:
    try:
        paths.make()
        with tempfile.TemporaryFile(dir=paths.root) as probe:
            probe.write(b"slipway")
            probe.flush()
    except OSError as error:
        raise RefusedError(_folder_line(paths.root, error)) from None
    _check_private(paths.run)


def _folder_line(folder: Path, error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"The disk that holds {folder} is full: free some space and start again."
    why = os.strerror(error.errno or errno.EIO)
    return (
        f"The data folder {folder} cannot be written ({why}): mend its owner or rights, or name"
        " another with SLIPWAY_DATA."
    )


def _check_private(folder: Path) -> None:
    """The sockets' folder may lie in the shared /tmp: nobody else may own or enter it."""
    facts = folder.lstat()
    if facts.st_uid != os.getuid() or folder.is_symlink() or facts.st_mode & 0o077:
        raise RefusedError(
            f"The folder {folder} must be yours alone (mode 0700, no link): remove it, then start"
            " again."
        )


def _check_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise RefusedError(_port_line(host, port, error)) from None


def _port_line(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken: stop what uses it, or choose one with SLIPWAY_PORT."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights than you have: choose one above 1023, SLIPWAY_PORT."
    return (
        f"Cannot listen on {host} port {port} ({error.strerror}): see SLIPWAY_HOST, SLIPWAY_PORT."
    )
