"""Where each thing of an installation lies below its data folder."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

UNIX_SOCKET_LIMIT = 100  # the kernel takes 107 bytes; some room for the client's own suffixes


@dataclass(frozen=True, slots=True)
class DataPaths:
    """The layout of the data folder."""

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "slipway.sqlite3"

    @property
    def secrets(self) -> Path:
        """Generated secrets, one file each, mode 0600."""
        return self.root / "secrets"

    @property
    def models(self) -> Path:
        """The model store: files named by their sha256."""
        return self.root / "models"

    @property
    def uploads(self) -> Path:
        """Half-received uploads and downloads."""
        return self.root / "uploads"

    @property
    def workloads(self) -> Path:
        """What the process runtime keeps of each engine: record, logs, address."""
        return self.root / "workloads"

    @property
    def logs(self) -> Path:
        """Logs of Slipway's own processes."""
        return self.root / "logs"

    @property
    def static_copies(self) -> Path:
        """Compressed copies of scripts and styles; made when they are missing."""
        return self.root / "static"

    @property
    def run(self) -> Path:
        """Sockets and pid files; short enough for a unix socket's address."""
        if len(str(self.root)) + len("/run/valkey.sock") <= UNIX_SOCKET_LIMIT:
            return self.root / "run"
        digest = hashlib.sha256(str(self.root).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"slipway-{digest}"

    @property
    def broker_socket(self) -> Path:
        """Where the embedded Valkey listens."""
        return self.run / "valkey.sock"

    def make(self) -> None:
        """Create the folders, private to this user. Raises OSError."""
        for folder in (
            self.root,
            self.secrets,
            self.models,
            self.uploads,
            self.workloads,
            self.logs,
            self.run,
        ):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
