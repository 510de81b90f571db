"""A PostgreSQL of a test run's own: `python -m tests.postgres COMMAND ...` runs it, then ends it.

The command finds its address in SLIPWAY_TEST_DATABASE (settings/test.py). Nothing of it is kept, so
that it need not be written safely: what is tested is what it says, not how it survives.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.flows.house import free_port

START_S = "60"
_PLACES = "/usr/lib/postgresql"  # where Debian puts what is not meant for people
_CHEAP = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=100")


def programs() -> Path | None:
    """Return the folder of the server's programs; None where it is not installed."""
    found = [Path(on_path).parent] if (on_path := shutil.which("initdb")) else []
    found += sorted(Path(_PLACES).glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "pg_ctl").exists()), None)


@contextmanager
def server() -> Iterator[str]:
    """Run a server on a loopback port; gives its address."""
    folder = programs()
    if folder is None:
        raise SystemExit("PostgreSQL is not installed: apt install postgresql")
    root = Path(tempfile.mkdtemp(prefix="slipway-postgres-"))
    root.chmod(0o711)  # the server runs as another user below it
    data, port, password = root / "data", free_port(), secrets.token_hex(16)
    shut = root / "password"
    shut.write_text(password)
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(data, "postgres")
        shutil.chown(shut, "postgres")
    shut.chmod(0o600)
    try:
        _run(
            folder / "initdb",
            "-D",
            data,
            "-U",
            "slipway",
            "-A",
            "scram-sha-256",
            f"--pwfile={shut}",
            "--locale=C.UTF-8",
        )
        listen = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={data}"
        options = " ".join([listen, *(f"-c {one}" for one in _CHEAP)])
        _run(
            folder / "pg_ctl",
            "-D",
            data,
            "-o",
            options,
            "-l",
            data / "log",
            "-w",
            "-t",
            START_S,
            "start",
        )
        try:
            yield f"postgresql://slipway:{password}@127.0.0.1:{port}/slipway"
        finally:
            _run(folder / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _run(*command: object) -> None:
    """Run a program of the server, which refuses to be root."""
    asking = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*asking, *map(str, command)], cwd="/", capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


def main() -> int:
    """Run the command with a server beside it; its exit code is ours."""
    with server() as url:
        environment = {**os.environ, "SLIPWAY_TEST_DATABASE": url}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
