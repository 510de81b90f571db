"""What the process runtime keeps of one workload, in a folder of its own below `workloads/`.

lock          flock'ed by the engine's process group for as long as any of it lives
record.json   what was asked, and the process that does it
address       host:port, written by the engine once it listens
exit_code     written by the group's leader when the engine ends
term_sent     somebody asked it to end
killed        somebody ended it by force
engine.log    output of this run; engine.log.1 the part before the last rotation
previous.log  output of the run before
log_base      bytes of output that came before the first byte of engine.log
"""

import json
import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from models_app.domain.failures import FailureCode, fail

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")


@dataclass(frozen=True, slots=True)
class Record:
    """What was asked, and the process that does it. `pid` None: not started, or not yet noted."""

    spec_hash: str
    labels: tuple[tuple[str, str], ...]
    spec: dict[str, Any]
    oom_kills: int  # of the whole machine, before the start
    pid: int | None = None  # the group's leader
    start_token: str = ""  # tells this process from a later one with the same pid
    started_at: float | None = None  # seconds since the epoch

    def with_process(self, pid: int, start_token: str, started_at: float) -> "Record":
        """Return the record with the process that now does the work."""
        return replace(self, pid=pid, start_token=start_token, started_at=started_at)


class WorkloadFolder:
    """The files of one workload. Nothing here looks at processes."""

    def __init__(self, root: Path, name: str) -> None:
        if not NAME.fullmatch(name):
            raise fail(FailureCode.INTERNAL, reason="workload_name", name=name[:80])
        self.name = name
        self.path = root / name

    @property
    def lock(self) -> Path:
        """The file whose lock means: this workload lives."""
        return self.path / "lock"

    @property
    def address_file(self) -> Path:
        """Where the engine writes host:port."""
        return self.path / "address"

    @property
    def log(self) -> Path:
        """Output of this run."""
        return self.path / "engine.log"

    @property
    def rotated_log(self) -> Path:
        """The part of this run's output before the last rotation."""
        return self.path / "engine.log.1"

    @property
    def previous_log(self) -> Path:
        """Output of the run before."""
        return self.path / "previous.log"

    def make(self) -> None:
        """Create the folder, private to this user."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    # --- the record ----------------------------------------------------------------------------

    def read_record(self) -> Record | None:
        """Return the record; None when there is none or it cannot be read."""
        try:
            raw = json.loads((self.path / "record.json").read_text())
            raw["labels"] = tuple((str(key), str(value)) for key, value in raw["labels"])
            return Record(**raw)
        except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError):
            return None

    def write_record(self, record: Record) -> None:
        """Write the record whole, or not at all."""
        self._write("record.json", json.dumps(asdict(record), indent=1))

    # --- small facts, one file each ------------------------------------------------------------

    def read_address(self) -> str | None:
        """Return host:port once the engine has written it."""
        text = self._read("address").strip()
        return text if re.fullmatch(r"\S+:[0-9]{1,5}", text) else None

    def read_exit_code(self) -> int | None:
        """Return how the engine ended; None when it did not, or nobody could note it."""
        text = self._read("exit_code").strip()
        return int(text) if text.isdecimal() else None

    def read_log_base(self) -> int:
        """Return how many bytes of output came before the first byte of the log."""
        text = self._read("log_base").strip()
        return int(text) if text.isdecimal() else 0

    def write_log_base(self, value: int) -> None:
        """Note how many bytes of output came before the first byte of the log."""
        self._write("log_base", str(value))

    def mark(self, what: str) -> None:
        """Note that the workload was asked to end (`term_sent`) or was ended (`killed`)."""
        with suppress(FileNotFoundError):
            (self.path / what).touch(mode=0o600)

    def marked(self, what: str) -> bool:
        """Return whether that was noted."""
        return (self.path / what).exists()

    def log_bytes(self) -> int:
        """Return how much this workload has written, rotated parts and earlier runs included."""
        with suppress(FileNotFoundError):
            return self.read_log_base() + self.log.stat().st_size
        return self.read_log_base()

    # --- between runs --------------------------------------------------------------------------

    def begin_run(self) -> None:
        """Clear what the last run left, and keep its output as `previous.log`.

        Offsets of log lines go on counting, so that a reader of the last run finds the next one.
        """
        base = self.log_bytes()
        if self.log.exists():
            self.log.replace(self.previous_log)
        self.rotated_log.unlink(missing_ok=True)
        self.write_log_base(base)
        self.forget_run()

    def forget_run(self) -> None:
        """Remove everything of the run but its output and the lock."""
        self._unlink(("record.json", "address", "exit_code", "exit_code.part"))
        self._unlink(("term_sent", "killed"))

    def _unlink(self, names: Iterable[str]) -> None:
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def _read(self, name: str) -> str:
        try:
            return (self.path / name).read_text(errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return ""

    def _write(self, name: str, text: str) -> None:
        part = self.path / f".{name}.{secrets.token_hex(6)}"  # threads write too
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
        part.replace(self.path / name)
