"""One small container per host that looks after it: figures of the machine, artifacts, disk space.

It runs from an image with a shell and nothing else, as rightless as the engines, without network.
What it is asked to do is one of the fixed scripts of this package; words enter as arguments only.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from models_app.domain.failures import FailureCode, fail
from workers.runtimes.docker.containers import hardened, models_mount
from workers.runtimes.docker.conversation import Conversation
from workers.runtimes.docker.errors import AbsentError, TakenError, meaning
from workers.runtimes.docker.naming import helper_name, is_ours, role_labels
from workers.runtimes.docker.transport import TIMEOUT_S, Client, frames

IMAGE = "busybox:1.37"
KEY = "helper"  # among a host's own images
MEMORY_BYTES = 1 << 30  # pages of files that it copies and checks count, until they are needed
PIDS = 64
TRIES = 3
_STAY = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"


class Helper:
    """The helper of one installation on one host; made, started and adopted as needed."""

    def __init__(self, client: Client, instance: str, image: str) -> None:
        self._client = client
        self._instance = instance
        self._image = image
        self._name = helper_name(instance)
        self._is_up = False
        self._container = ""  # its id: the name may be a stranger's by now

    def run(self, script: str, *words: str, seconds: float = TIMEOUT_S) -> tuple[int, str]:
        """Run a script with `words` as its arguments; return its exit code and what it printed."""
        command = self._made(script, words)
        how = {"Detach": False, "Tty": False}
        answer = self._client.opened("POST", f"/exec/{command}/start", body=how, timeout=seconds)
        with answer:
            text = b"".join(frames(answer)).decode(errors="replace")
        code = self._client.call("GET", f"/exec/{command}/json")["ExitCode"]
        return int(code if code is not None else 1), text

    def begin(self, script: str, *words: str) -> None:
        """Start a script and do not wait for it."""
        command = self._made(script, words)
        self._client.call("POST", f"/exec/{command}/start", body={"Detach": True, "Tty": False})

    def converse(self, script: str, *words: str, seconds: float = TIMEOUT_S) -> Conversation:
        """Start a script and keep its stdin; `seconds` is without any progress."""
        command = self._made(script, words, is_spoken_to=True)
        body = {"Detach": False, "Tty": False}
        return self._client.conversation(f"/exec/{command}/start", body, seconds=seconds)

    def ensure(self) -> None:
        """Have it run. Raises AbsentError when its image is not there."""
        if self._is_up:
            return
        for _ in range(TRIES):
            found = self._found()
            if found is None:
                self._create()
            elif not self._is_as_wished(found):
                self._discard(found)
            elif found["State"]["Status"] == "running":
                self._is_up, self._container = True, str(found["Id"])
                return
            else:
                self._start(found)
        raise fail(FailureCode.RUNTIME_FAILED, reason="the helper container does not stay up")

    def _made(self, script: str, words: Sequence[str], *, is_spoken_to: bool = False) -> str:
        body = {
            "Cmd": ["sh", "-c", script, "slipway", *words],
            "AttachStdin": is_spoken_to,
            "AttachStdout": True,
            "AttachStderr": True,
        }
        for _ in range(TRIES):
            self.ensure()
            try:
                made = self._client.call("POST", f"/containers/{self._container}/exec", body=body)
                return str(made["Id"])
            except (AbsentError, TakenError):
                self._is_up = False  # removed or stopped a moment ago
        raise fail(FailureCode.RUNTIME_FAILED, reason="the helper container does not stay up")

    def _found(self) -> Mapping[str, Any] | None:
        try:
            found: Mapping[str, Any] = self._client.call("GET", f"/containers/{self._name}/json")
        except AbsentError:
            return None
        if not is_ours(found["Config"]["Labels"], found["Mounts"], self._instance):
            image, container = str(found["Config"]["Image"]), found["Id"][:12]
            raise fail(FailureCode.NAME_TAKEN, name=self._name, image=image, container=container)
        return found

    def _is_as_wished(self, found: Mapping[str, Any]) -> bool:
        return bool(found["Config"]["Image"] == self._image)

    def _create(self) -> None:
        try:
            self._client.call(
                "POST", "/containers/create", params={"name": self._name}, body=self._body()
            )
        except TakenError:
            return  # somebody was faster

    def _start(self, found: Mapping[str, Any]) -> None:
        try:
            if found["State"]["Status"] == "paused":
                self._client.call("POST", f"/containers/{found['Id']}/unpause")
            else:
                self._client.call("POST", f"/containers/{found['Id']}/start")
        except TakenError:
            return
        except AbsentError as absent:
            if "executable" in str(absent):
                raise meaning(str(absent)) from absent

    def _discard(self, found: Mapping[str, Any]) -> None:
        try:
            self._client.call("DELETE", f"/containers/{found['Id']}", params={"force": "true"})
        except (AbsentError, TakenError):
            return

    def _body(self) -> dict[str, Any]:
        return {
            "Image": self._image,
            "Entrypoint": ["sh", "-c", _STAY],
            "Cmd": [],
            # Root without one capability: it owns the volume's files, and may do nothing else.
            "User": "0:0",
            "Labels": role_labels(self._instance, "helper"),
            "HostConfig": {
                **hardened(),
                "NetworkMode": "none",
                "Mounts": [models_mount(self._instance, read_only=False)],
                "Memory": MEMORY_BYTES,
                "MemorySwap": MEMORY_BYTES,
                "PidsLimit": PIDS,
            },
        }
