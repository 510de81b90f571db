"""Real Docker engines for tests: each with its own socket, data, containerd and network.

How to use it:

- `docker_engine` (a fixture, `tests/conftest.py`) is one engine for the whole test session, shared
  by every xdist worker. Its containers belong to whoever made them: use names of your own, and
  remove what you made. `docker_engine.load(LLAMACPP)` brings an image of `docker_images.py` there.
  It skips where there is no dockerd, no root or no built base (`.ci/build_tools debian`).
- `with new_engine() as engine:` is one of a test's own, to restart, to fill, to unplug. A start
  takes two seconds. `machine=True` gives it a network namespace with its own address: "another
  machine", which `unplug()` cuts off by dropping packets. `tls=True`, `ssh=True` open those doors;
  `plain=True` leaves the one open that nobody should.
- `engine.docker("ps", "-a")` is the independent eye: Docker's own command line.

Engines on this machine publish on loopback (their ports are carried by docker-proxy, without
iptables, so that any number of them run beside each other). A guard ends every engine when the
pytest that started it is gone, however it went.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.docker_doors import PLAIN_PORT, SshDoor, TlsDoor
from tests.docker_images import image
from tests.docker_network import Network, open_network

STARTS_WITHIN_S = 60.0
STOPS_WITHIN_S = 20.0
FOLDERS = Path(tempfile.gettempdir()) / "slipway-docker"
ROOT = Path(__file__).resolve().parents[1]

_STARTED: list[subprocess.Popen[bytes]] = []


class DockerEngine:
    """One engine below `folder`. `start` it; `destroy` leaves nothing of it behind."""

    def __init__(
        self,
        folder: Path,
        network: Network,
        *,
        tls: TlsDoor | None = None,
        ssh: SshDoor | None = None,
        live_restore: bool = False,
        plain: bool = False,
        data_root: Path | None = None,
    ) -> None:
        self.folder = folder
        self.network = network
        self.tls = tls
        self.ssh = ssh
        self.live_restore = live_restore
        self.plain = plain
        self.data_root = data_root or folder / "data"
        self._loaded: set[str] = set()

    # --- where it is -----------------------------------------------------------------------

    @property
    def socket(self) -> Path:
        """Its unix socket."""
        return self.folder / "docker.sock"

    @property
    def url(self) -> str:
        """Its address, as the command line and docker-py take it."""
        return f"unix://{self.socket}"

    @property
    def address(self) -> str:
        """The address on which its containers may publish, reachable from the tests."""
        return self.network.address

    def docker(self, *arguments: str, check: bool = True, timeout: float = 60) -> str:
        """Run Docker's own command line against it; return what it printed."""
        done = subprocess.run(
            ["docker", "-H", self.url, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()

    def load(self, *names: str) -> None:
        """Bring images there, once."""
        for name in names:
            if name not in self._loaded and not self.docker("image", "ls", "-q", name):
                with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
                    archive = image(name).write_archive(Path(scratch) / "image.tar")
                    self.docker("load", "-q", "-i", str(archive), timeout=120)
            self._loaded.add(name)

    # --- its life --------------------------------------------------------------------------

    def start(self) -> None:
        """Start containerd and the engine, where they do not run yet, and wait for an answer."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._pid("containerd") is None:
            self._spawn("containerd", ["containerd", "--config", str(self._containerd_config())])
            self._until((self.folder / "containerd.sock").exists, "containerd")
        if self._pid("dockerd") is None:
            (self.folder / "dockerd.pid").unlink(missing_ok=True)
            self._spawn("dockerd", self.network.inside(self._named(self._dockerd_command())))
        if self.ssh and self._pid("sshd") is None:
            self._spawn("sshd", self.network.inside(self.ssh.command(self.network.address)))
        self._until(self.answers, "dockerd")

    def answers(self) -> bool:
        """Return whether the engine answers."""
        done = subprocess.run(
            ["docker", "-H", self.url, "version"], capture_output=True, timeout=10, check=False
        )
        return done.returncode == 0

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the engine, not containerd: containers go on under live-restore or a KILL."""
        self._end("dockerd", number)

    def restart(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop and start it."""
        self.stop(number)
        self.start()

    def freeze(self) -> None:
        """Let it accept connections and answer nothing."""
        os.kill(self._pid("dockerd") or 0, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self._pid("dockerd") or 0, signal.SIGCONT)

    def unplug(self) -> None:
        """Drop every packet to and from its machine, in silence."""
        self.network.unplug()

    def plug_in(self) -> None:
        """Undo `unplug`."""
        self.network.plug_in()

    def destroy(self) -> None:
        """Remove containers, processes, mounts, network and files."""
        with contextlib.suppress(Exception):
            self.thaw()
        with contextlib.suppress(Exception):
            ids = self.docker("ps", "-aq").split()
            if ids:
                self.docker("rm", "-f", *ids)
        for name in ("sshd", "dockerd", "containerd"):
            self._end(name, signal.SIGTERM)
        _kill_those_who_name(self.folder)
        _unmount_below(self.folder)
        self.network.close()
        for note in FOLDERS.glob("run-*.json"):
            if str(self.folder) in note.read_text():
                note.with_suffix(".lock").unlink(missing_ok=True)
                note.unlink(missing_ok=True)
        if self.folder.exists():
            # Deleting the layers takes a slow disk seconds, and nobody needs to wait for it.
            gone = self.folder.with_name(f"{self.folder.name}-gone-{time.time_ns()}")
            self.folder.rename(gone)
            _detach("rm", "-rf", str(gone))

    # --- how it runs -----------------------------------------------------------------------

    def _named(self, command: Sequence[str]) -> list[str]:
        """Return the command on a machine of its own name: hosts are told apart by it."""
        script = 'hostname "$0" && exec "$@"'
        return ["unshare", "--uts", "sh", "-c", script, self.network.name, *command]

    def _dockerd_command(self) -> list[str]:
        config = self.folder / "daemon.json"
        config.write_text(json.dumps({"live-restore": self.live_restore}))
        command = ["dockerd", "--config-file", str(config), "--host", self.url]
        command += ["--data-root", str(self.data_root), "--exec-root", str(self.folder / "exec")]
        command += ["--pidfile", str(self.folder / "dockerd.pid"), "--shutdown-timeout", "5"]
        command += ["--containerd", str(self.folder / "containerd.sock")]
        command += self.network.dockerd_options()
        if self.plain:
            command += ["--host", f"tcp://{self.network.address}:{PLAIN_PORT}", "--tls=false"]
        return command + (self.tls.dockerd_options(self.network.address) if self.tls else [])

    def _containerd_config(self) -> Path:
        config = self.folder / "containerd.toml"
        config.write_text(
            "version = 2\n"
            f'root = "{self.folder}/containerd"\nstate = "{self.folder}/containerd-state"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
            f'[grpc]\n  address = "{self.folder}/containerd.sock"\n'
            f'[ttrpc]\n  address = "{self.folder}/containerd.ttrpc"\n'
        )
        return config

    def _spawn(self, name: str, command: Sequence[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        _STARTED.append(process)  # one forgotten while it runs is a warning
        (self.folder / f"{name}.process").write_text(str(process.pid))

    def _pid(self, name: str) -> int | None:
        try:
            pid = int((self.folder / f"{name}.process").read_text())
            alive = str(self.folder) in " ".join(psutil.Process(pid).cmdline())
        except (OSError, ValueError, psutil.Error):
            return None
        return pid if alive else None

    def _end(self, name: str, number: signal.Signals) -> None:
        pid = self._pid(name)
        if pid is None:
            return
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            process.send_signal(number)
            try:
                process.wait(STOPS_WITHIN_S)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(STOPS_WITHIN_S)

    def _until(self, look: Callable[[], bool], name: str) -> None:
        until = time.monotonic() + STARTS_WITHIN_S
        while not look():
            told = (self.folder / f"{name}.log").read_text()[-2000:]
            assert time.monotonic() < until, f"{name} did not start: {told}"
            time.sleep(0.1)


@contextmanager
def new_engine(
    *,
    machine: bool = False,
    tls: bool = False,
    ssh: bool = False,
    live_restore: bool = False,
    plain: bool = False,
    data_root: Path | None = None,
) -> Iterator[DockerEngine]:
    """Run an engine of a test's own."""
    engine = _make(
        machine=machine,
        tls=tls,
        ssh=ssh,
        live_restore=live_restore,
        plain=plain,
        data_root=data_root,
    )
    try:
        engine.start()
        yield engine
    finally:
        engine.destroy()


def shared_engine(
    run: str, controller: int, *, machine: bool = False, tls: bool = False, ssh: bool = False
) -> DockerEngine:
    """Return the engine of a test run, started by whoever asks first."""
    note = FOLDERS / f"run-{run}.json"
    FOLDERS.mkdir(parents=True, exist_ok=True)
    with (FOLDERS / f"run-{run}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not note.exists():
            engine = _make(owner=controller, machine=machine, tls=tls, ssh=ssh)
            engine.start()
            note.write_text(json.dumps([str(engine.folder), engine.network.number]))
        folder, number = json.loads(note.read_text())
    return _known(Path(folder), Network(number, is_machine=machine), tls=tls, ssh=ssh)


def _known(folder: Path, network: Network, *, tls: bool, ssh: bool) -> DockerEngine:
    return DockerEngine(
        folder,
        network,
        tls=TlsDoor(folder / "tls", network.address) if tls else None,
        ssh=SshDoor(folder / "ssh") if ssh else None,
    )


def _make(
    *,
    machine: bool = False,
    tls: bool = False,
    ssh: bool = False,
    live_restore: bool = False,
    plain: bool = False,
    data_root: Path | None = None,
    owner: int | None = None,
) -> DockerEngine:
    FOLDERS.mkdir(parents=True, exist_ok=True)
    network = open_network(is_machine=machine)
    # Of its own name each time: who watches over an engine that is gone must not end the next.
    folder = Path(tempfile.mkdtemp(prefix=f"{network.name}-", dir=FOLDERS))
    _guard(folder, network, owner or os.getpid())
    return DockerEngine(
        folder,
        network,
        tls=TlsDoor(folder / "tls", network.address) if tls else None,
        ssh=SshDoor(folder / "ssh") if ssh else None,
        live_restore=live_restore,
        plain=plain,
        data_root=data_root,
    )


def _guard(folder: Path, network: Network, owner: int) -> None:
    where = "machine" if network.is_machine else "here"
    module = (sys.executable, "-m", "tests.docker_engine")
    _detach(*module, str(owner), str(folder), str(network.number), where)


def _detach(*command: str) -> None:
    """Run a command that outlives this process."""
    null = subprocess.DEVNULL
    detached = ["setsid", "--fork", *command]
    subprocess.run(detached, cwd=ROOT, stdin=null, stdout=null, stderr=null, check=True)


def _watch(owner: int, folder: Path, network: Network) -> None:
    """Wait until the owner or the engine's folder is gone; leave nothing of the engine."""
    try:
        born = psutil.Process(owner).create_time()
        while folder.exists() and psutil.Process(owner).create_time() == born:
            time.sleep(0.5)
    except psutil.Error:
        pass
    if folder.exists():
        DockerEngine(folder, network).destroy()


def _kill_those_who_name(folder: Path) -> None:
    """Kill shims, proxies and whatever else carries the folder in its command line."""
    for process in psutil.process_iter(["pid", "cmdline"]):
        named = any(one.startswith(f"{folder}/") for one in process.info["cmdline"] or [])
        if named and process.pid != os.getpid():
            with contextlib.suppress(psutil.Error):
                process.kill()


def _unmount_below(folder: Path) -> None:
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for point in sorted((one for one in mounted if one.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "-l", point], capture_output=True, check=False)


if __name__ == "__main__":
    _watch(
        int(sys.argv[1]),
        Path(sys.argv[2]),
        Network(int(sys.argv[3]), is_machine=sys.argv[4] == "machine"),
    )
