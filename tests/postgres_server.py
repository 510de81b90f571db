"""A real PostgreSQL server on a port of its own: for a whole test run, or to stop and start again.

`python -m tests.postgres_server COMMAND ...` runs one, then the command, which finds its address in
SLIPWAY_TEST_DATABASE (settings/test.py). Nothing of it is kept, so it need not write safely: what
is tested is what it says, not how it survives.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.flows.house import free_port

STARTS_WITHIN_S = "60"
_PLACES = "/usr/lib/postgresql"  # where Debian puts what is not meant for people
_CHEAP = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


def programs() -> Path | None:
    """Return the folder of the server's programs; None where it is not installed."""
    found = [Path(on_path).parent] if (on_path := shutil.which("initdb")) else []
    found += sorted(Path(_PLACES).glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "pg_ctl").exists()), None)


@dataclass
class PostgresServer:
    """`stop` and `start` it to see what its absence does; what was committed stays."""

    folder: Path
    binaries: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        """Its address, as SLIPWAY_DATABASE takes it."""
        return f"postgresql://slipway:{self.password}@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        """Make the cluster."""
        file = self.folder / "password"
        file.write_text(self.password)
        if os.geteuid() == 0:
            shutil.chown(file, "postgres")
            shutil.chown(self.folder, "postgres")
        login = ("-U", "slipway", "-A", "scram-sha-256", f"--pwfile={file}")
        self._run("initdb", "-D", self._data, *login, "--locale=C.UTF-8")

    def start(self) -> None:
        """Start it and wait until it answers."""
        listen = f"-p {self.port} -c listen_addresses=127.0.0.1"
        options = f"{listen} -c unix_socket_directories={self.folder} {_CHEAP}"
        where = ("-D", self._data, "-l", str(self.folder / "log"), "-o", options)
        self._run("pg_ctl", *where, "-w", "-t", STARTS_WITHIN_S, "start")

    def stop(self) -> None:
        """End it at once: its clients lose their connections."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "stop")

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _run(self, program: str, *arguments: str) -> None:
        """Run a program of the server, which refuses to be root."""
        other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*other, str(self.binaries / program), *arguments]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server of our own. Raises SystemExit where it is not installed."""
    binaries = programs()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed: apt install postgresql")
    with tempfile.TemporaryDirectory(prefix="sw-postgres-") as folder:
        server = PostgresServer(Path(folder), binaries, free_port(), secrets.token_hex(16))
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def main() -> int:
    """Run the command with a server beside it; its exit code is ours."""
    with postgres_server() as server:
        environment = {**os.environ, "SLIPWAY_TEST_DATABASE": server.url}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
