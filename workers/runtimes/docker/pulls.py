"""Image pulls that outlive the step which began them.

A pull lives as long as somebody reads its stream: a thread of this process does. A lock file, held
by that thread and freed by the kernel when it dies, keeps it to one pull per host and image among
the processes of this machine; between machines Docker itself shares the layers under way. What was
read is kept beside the lock for whoever polls. After a kill the next poll begins again.
"""

import fcntl
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from models_app.domain.failures import (
    Failure,
    FailureCode,
    FailureError,
    RuntimeUnreachableError,
)
from models_app.domain.specs import Transfer
from workers.runtimes.docker.errors import AbsentError, TakenError, meaning
from workers.runtimes.docker.transport import Client

IDLE_S = 60.0  # without a word: stuck
NOTE_EVERY_S = 0.3
_DONE = frozenset({"Download complete", "Verifying Checksum", "Extracting", "Pull complete"})


@dataclass
class Progress:
    """How far the layers have come: of each, the bytes that are here and those in all."""

    layers: dict[str, list[int]] = field(default_factory=dict)

    def hear(self, line: dict[str, Any]) -> None:
        """Take one line of the engine's."""
        layer, status = str(line.get("id", "")), str(line.get("status", ""))
        detail = line.get("progressDetail") or {}
        if status == "Downloading" and detail.get("total"):
            before = self.layers.get(layer, [0, 0])
            self.layers[layer] = [max(before[0], detail["current"]), detail["total"]]
        elif status in _DONE and layer in self.layers:
            self.layers[layer][0] = self.layers[layer][1]

    @property
    def done_bytes(self) -> int:
        """Bytes that are here."""
        return sum(done for done, _ in self.layers.values())

    @property
    def total_bytes(self) -> int | None:
        """Bytes of the layers that are known so far; None before the first."""
        return sum(total for _, total in self.layers.values()) or None


class Pulls:
    """The pulls to one host. `connect` opens a client that a thread may keep."""

    def __init__(self, folder: Path, host: str, connect: Callable[[], Client]) -> None:
        self._folder = folder
        self._host = host
        self._connect = connect

    def poll(self, image: str) -> Transfer:
        """Begin the pull or say how far it is. Raises FailureError with which it ended, once."""
        note = self._note(image)
        note.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = note.try_lock()
        if lock is None:
            return note.transfer()
        ended = note.failure()
        if ended is not None:
            note.forget()
            lock.close()
            raise FailureError(ended)
        note.write(Progress())
        reader = threading.Thread(
            target=_pull, args=(self._connect, image, note, lock), name=f"pull {image}", daemon=True
        )
        reader.start()
        return note.transfer()

    def _note(self, image: str) -> "_Note":
        key = hashlib.sha256(f"{self._host}\0{image}".encode()).hexdigest()[:32]
        return _Note(self._folder / f"{key}.json")


class _Note:
    """What is known of one pull, in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def try_lock(self) -> Any:
        """Return the open lock; None while somebody pulls."""
        handle = self.path.with_suffix(".lock").open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            return None
        return handle

    def transfer(self) -> Transfer:
        """Return how far it is."""
        found = self._read()
        done, total = found.get("done", 0), found.get("total")
        return Transfer(done, total, finished=False, phase="pulling")

    def failure(self) -> Failure | None:
        """Return how it failed, if it did."""
        found = self._read().get("failure")
        if not found:
            return None
        return Failure(FailureCode(found["code"]), found["params"], tuple(found["evidence"]))

    def write(self, progress: Progress, failure: Failure | None = None) -> None:
        """Write it whole."""
        told: dict[str, Any] = {"done": progress.done_bytes, "total": progress.total_bytes}
        if failure is not None:
            told["failure"] = asdict(failure)
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(told))
        part.replace(self.path)

    def forget(self) -> None:
        """Remove it; the lock's file stays: removing it would let two in."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return found


def _pull(connect: Callable[[], Client], image: str, note: _Note, lock: Any) -> None:
    """Read a pull to its end; note how it goes and how it ends."""
    progress, noted = Progress(), 0.0
    try:
        with lock, connect() as client:
            try:
                for line in pull_lines(client, image):
                    progress.hear(line)
                    if time.monotonic() - noted > NOTE_EVERY_S:
                        note.write(progress)
                        noted = time.monotonic()
            except FailureError as error:
                note.write(progress, error.failure)
            except RuntimeUnreachableError as error:
                note.write(progress, error.failure())
            else:
                note.forget()
    except OSError:
        return  # the data folder went away: so does this installation


def pull_lines(client: Client, image: str) -> Iterator[dict[str, Any]]:
    """Pull an image; yield what the engine says. Raises FailureError."""
    name, tag = split_name(image)
    try:
        answer = client.opened(
            "POST", "/images/create", params={"fromImage": name, "tag": tag}, timeout=IDLE_S
        )
    except (AbsentError, TakenError) as error:
        raise _of_image(image, str(error)) from error
    except FailureError as error:
        raise _of_image(image, "\n".join(error.failure.evidence)) from error
    with answer:
        for raw in answer.iter_lines():
            line: dict[str, Any] = {}
            with suppress(ValueError):
                line = json.loads(raw)
            if "error" in line:
                raise _of_image(image, str(line["error"]))
            yield line


def split_name(image: str) -> tuple[str, str]:
    """Return an image's name and its tag or digest."""
    if "@" in image:
        name, _, digest = image.partition("@")
        return name, digest
    head, _, last = image.rpartition("/")
    last, _, tag = last.partition(":")
    return (f"{head}/{last}" if head else last), tag or "latest"


def _of_image(image: str, text: str) -> FailureError:
    found = meaning(text).failure
    code = found.code
    if code == FailureCode.RUNTIME_FAILED:
        code = FailureCode.REGISTRY_UNREACHABLE
    return FailureError(Failure(code, {"image": image}, found.evidence))
