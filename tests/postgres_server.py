"""A real PostgreSQL server for tests that stop it and start it again, on a port of its own."""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.flows.house import free_port
from tests.postgres import programs

STARTS_WITHIN_S = "60"
_CHEAP = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


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
    """Run a server of our own."""
    binaries = programs()
    assert binaries is not None
    with tempfile.TemporaryDirectory(prefix="sw-postgres-") as folder:
        server = PostgresServer(Path(folder), binaries, free_port(), secrets.token_hex(16))
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
