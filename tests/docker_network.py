"""Where a test's Docker engine lives in the network: here, or on a "machine" with its own address.

Numbers are given out by the kernel: a bridge or namespace of one name can be made only once.
"""

import ctypes
import fcntl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NUMBERS = range(1, 200)
CLONE_NEWNET = 0x40000000


@dataclass(frozen=True, slots=True)
class Network:
    """The network of engine `number`: a bridge beside others, or a whole namespace."""

    number: int
    is_machine: bool

    @property
    def name(self) -> str:
        """Its bridge or namespace."""
        return f"slw{'m' if self.is_machine else 'b'}{self.number}"

    @property
    def address(self) -> str:
        """Where the tests reach what is published."""
        return f"10.213.{self.number}.2" if self.is_machine else "127.0.0.1"

    def inside(self, command: Sequence[str]) -> list[str]:
        """Return the command as it runs in this network; mounts stay those of everybody."""
        if not self.is_machine:
            return list(command)
        return ["nsenter", f"--net=/run/netns/{self.name}", *command]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Have sockets that this thread makes meanwhile be its machine's."""
        if not self.is_machine:
            yield
            return
        kernel = ctypes.CDLL(None, use_errno=True)
        paths = (f"/run/netns/{self.name}", "/proc/thread-self/ns/net")
        with Path(paths[0]).open() as there, Path(paths[1]).open() as here:
            assert kernel.setns(there.fileno(), CLONE_NEWNET) == 0, ctypes.get_errno()
            try:
                yield
            finally:
                assert kernel.setns(here.fileno(), CLONE_NEWNET) == 0, ctypes.get_errno()

    def dockerd_options(self) -> list[str]:
        """Return what keeps engines apart: subnets, and no iptables where the table is shared."""
        pool = f"base=10.214.{self.number}.0/24,size=28"
        if self.is_machine:
            return ["--default-address-pool", pool]
        apart = ["--iptables=false", "--ip-forward=false", "--ip-masq=false"]
        return ["--bridge", self.name, "--default-address-pool", pool, *apart]

    def unplug(self) -> None:
        """Drop every packet, in silence."""
        for chain in ("INPUT", "OUTPUT"):
            _run(*self.inside(["iptables", "-I", chain, "-j", "DROP"]))
        _run(*self.inside(["iptables", "-I", "FORWARD", "-j", "DROP"]))

    def plug_in(self) -> None:
        """Undo it."""
        for chain in ("INPUT", "OUTPUT", "FORWARD"):
            _run(*self.inside(["iptables", "-D", chain, "-j", "DROP"]))

    def cut(self, port: int) -> None:
        """Reset every connection to a port of its machine; new ones are let in after it."""
        way = ["-p", "tcp", "--dport", str(port), "-j", "REJECT", "--reject-with", "tcp-reset"]
        _run(*self.inside(["iptables", "-I", "INPUT", *way]))
        time.sleep(0.5)  # until something came in on each
        _run(*self.inside(["iptables", "-D", "INPUT", *way]))

    def sent_bytes(self) -> int:
        """Return what has gone to its machine over the wire since it was laid."""
        return int(Path(f"/sys/class/net/{self.name}h/statistics/tx_bytes").read_text())

    def limit(self, rate: str) -> None:
        """Let no more than so much through to its machine, such as `40mbit`."""
        shape = ["tbf", "rate", rate, "burst", "64kb", "latency", "400ms"]
        _run("tc", "qdisc", "replace", "dev", f"{self.name}h", "root", *shape)

    def unlimit(self) -> None:
        """Undo it."""
        _run("tc", "qdisc", "del", "dev", f"{self.name}h", "root")

    def close(self) -> None:
        """Remove it."""
        if self.is_machine:
            # The namespace last: its name is the number's lock, and the next one wires at once.
            _run("ip", "link", "del", f"{self.name}h", check=False)
            _run("ip", "netns", "del", self.name, check=False)
        else:
            _run("ip", "link", "del", self.name, check=False)


def open_network(*, is_machine: bool) -> Network:
    """Return a network that nobody else has."""
    with (Path(tempfile.gettempdir()) / "slipway-docker-networks.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a bridge and a machine never get the same number
        for number in NUMBERS:
            network = Network(number, is_machine=is_machine)
            other = Network(number, is_machine=not is_machine)
            if _exists(other) or not _make(network):
                continue
            if is_machine:
                _wire(network)
            return network
    raise AssertionError("every number is taken: engines of killed runs are left behind")


def _make(network: Network) -> bool:
    if network.is_machine:
        return _run("ip", "netns", "add", network.name, check=False)
    if not _run("ip", "link", "add", network.name, "type", "bridge", check=False):
        return False
    _run("ip", "address", "add", f"10.215.{network.number}.1/24", "dev", network.name)
    return _run("ip", "link", "set", network.name, "up")


def _exists(network: Network) -> bool:
    if network.is_machine:
        return _run("ip", "netns", "pids", network.name, check=False)
    return _run("ip", "link", "show", network.name, check=False)


def _wire(network: Network) -> None:
    here, there = f"{network.name}h", f"{network.name}g"
    name, net = network.name, f"10.213.{network.number}"
    _run("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
    _run("ip", "address", "add", f"{net}.1/30", "dev", here)
    _run("ip", "link", "set", here, "up")
    _run("ip", "-n", name, "address", "add", f"{net}.2/30", "dev", there)
    _run("ip", "-n", name, "link", "set", there, "up")
    _run("ip", "-n", name, "link", "set", "lo", "up")
    _run("ip", "-n", name, "route", "add", "default", "via", f"{net}.1")


def _run(*command: str, check: bool = True) -> bool:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0 or not check, f"{command}: {done.stderr}"
    return done.returncode == 0
