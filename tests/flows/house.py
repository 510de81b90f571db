"""A Slipway of a test's own: `manage.py up` in a folder and on a port that nobody else has."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
UP_S = 150.0  # beyond it something hangs; a start takes seconds, on a crowded machine a minute
DOWN_S = 20.0


class House:
    """Starts, watches and ends one Slipway. Use as a context manager: it leaves nothing behind."""

    def __init__(self, data: Path, *, port: int | None = None, **settings: str) -> None:
        self.data = data
        self.port = port or free_port()
        self.lines: list[str] = []
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._seen: dict[int, psutil.Process] = {}

    def __enter__(self) -> "House":
        return self

    def __exit__(self, *_: object) -> None:
        self.note_processes()
        for process in self._seen.values():
            if process.is_running():
                process.kill()
        psutil.wait_procs(list(self._seen.values()), timeout=DOWN_S)
        if self._process and self._reader:
            self._process.wait(DOWN_S)
            self._reader.join(DOWN_S)

    @property
    def url(self) -> str:
        """The address of its front door."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> subprocess.Popen[str]:
        """The running command."""
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Run `manage.py up` without waiting for it."""
        self.lines.clear()
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=[self._process], daemon=True)
        self._reader.start()

    def start_and_wait(self) -> str:
        """Start it; return the line that says where it is."""
        self.start()
        wait_for(lambda: self.line("http://"), UP_S, lambda: "\n".join(self.lines))
        self.note_processes()
        return self.line("http://")

    def environment(self) -> Mapping[str, str]:
        """Return what the command sees: nothing of the test's own Slipway."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLIPWAY_", "DJANGO_"))}
        own = {"SLIPWAY_DATA": str(self.data), "SLIPWAY_PORT": str(self.port)}
        return kept | own | self._settings

    def manage(self, *arguments: str) -> str:
        """Run another command on the same data folder; return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=UP_S,
            check=True,
        )
        return done.stdout

    def line(self, part: str) -> str:
        """Return the first printed line that holds `part`, or nothing."""
        return next((line for line in self.lines if part in line), "")

    def part(self, name: str) -> psutil.Process | None:
        """Return the process of a part, if it runs."""
        return self.parts().get(name)

    def part_other_than(self, pid: int, name: str) -> psutil.Process | None:
        """Return the process of a part once it is another one."""
        process = self.part(name)
        return process if process and process.pid != pid else None

    def processes(self) -> list[psutil.Process]:
        """Return every living process that works on this data folder, engines too."""
        found = {process.pid: process for process in self.parts().values()}
        for process in psutil.process_iter():
            # Valkey writes its title over its environment, so the record knows it above.
            with suppress(psutil.Error):
                if self._is_ours(process.environ()):
                    found[process.pid] = process
        return [process for process in found.values() if _alive(process)]

    def note_processes(self) -> None:
        """Remember who is alive now, so that the end of the test ends them."""
        self._seen |= {process.pid: process for process in self.processes()}

    def ask(self, path: str) -> int:
        """Return the status the front door answers with."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=UP_S) as door:
            door.sendall(
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
            )
            answer = door.recv(64).decode("latin1")
        status = re.match(r"HTTP/1\.1 (\d+)", answer)
        return int(status[1]) if status else 0

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal to the command; return its exit code."""
        self.note_processes()
        self.process.send_signal(number)
        code = self.process.wait(DOWN_S)
        if self._reader:
            self._reader.join(DOWN_S)
        return code

    def _is_ours(self, environment: Mapping[str, str]) -> bool:
        """Parts carry the data folder; engines, in a clean environment, their own below it."""
        workload = environment.get("SLIPWAY_FOLDER", "")
        in_data = bool(workload) and Path(workload).is_relative_to(self.data)
        return in_data or environment.get("SLIPWAY_DATA") == str(self.data)

    def parts(self) -> dict[str, psutil.Process]:
        """Return the living parts, as the supervisor recorded them."""
        try:
            record = json.loads((self.data_run / "parts.json").read_text())
        except (FileNotFoundError, ValueError):
            return {}
        parts = {}
        for name, (pid, start) in record.items():
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                if abs(process.create_time() - start) < 1 and _alive(process):
                    parts[name] = process
        return parts

    @property
    def data_run(self) -> Path:
        """Where its sockets lie; a long path moves them to the temporary folder."""
        from controlplane.settings.paths import DataPaths

        return DataPaths(self.data).run

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self.lines.append(line.rstrip("\n"))


def free_port() -> int:
    """Return a port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(look: Callable[[], T | None], seconds: float, told: Callable[[], str] = str) -> T:
    """Return what `look` finds as soon as it is true. Fails when nothing came for that long."""
    until = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > until:
            raise AssertionError(f"waited {seconds} s for nothing; {told()}")
        time.sleep(0.05)
    return found


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
