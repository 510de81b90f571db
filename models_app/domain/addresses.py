"""Addresses of machines: one grammar for names, one rule for which addresses may be spoken to.

Everything that takes an address from a person goes through here, to check it and to use it: two
parsers that read one text differently are how a guard is walked around.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Sequence[str]]

METADATA = (
    ipaddress.ip_address("169.254.169.254"),
    ipaddress.ip_address("fd00:ec2::254"),
    ipaddress.ip_address("100.100.100.200"),
)
PORT_LIMIT = 65_535
HOST_LENGTH = 253
_LABEL = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")  # the system's resolver reads such names as addresses


@dataclass(frozen=True, slots=True)
class HostPort:
    """Where to connect: a lower-case name or a plain address, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_host_port(text: str, *, default_port: int | None = None) -> HostPort:
    """Return `name:port` or `[address]:port` in its parts. Raises ValueError for anything else.

    No user, no scheme, no path, no zone, no number in disguise (`0x7f000001`, `127.1`), nothing
    that a program could take for an option.
    """
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?", text)
    plain = re.fullmatch(r"([A-Za-z0-9_.-]+)(?::([0-9]{1,5}))?", text)
    found = bracketed or plain
    if found is None:
        raise ValueError(text)
    host = parse_host(found.group(1))
    if bool(bracketed) != (":" in host):
        raise ValueError(text)
    port = int(found.group(2)) if found.group(2) else default_port
    if port is None or not 0 < port <= PORT_LIMIT:
        raise ValueError(text)
    return HostPort(host, port)


def parse_host(text: str) -> str:
    """Return a name in lower case, or an address in its shortest form. Raises ValueError."""
    name = text.lower()
    if ":" in name:
        return str(ipaddress.IPv6Address(name))  # refuses zones that no grammar above let through
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return str(ipaddress.IPv4Address(name))
    if len(name) > HOST_LENGTH or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(text)
    return name


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host name. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def literal(host: str) -> Address | None:
    """Return the address that a parsed host is, unwrapped; None when it is a name."""
    try:
        return unwrapped(ipaddress.ip_address(host))
    except ValueError:
        return None


def parse_address(text: str) -> Address:
    """Return a resolver's answer as an address, unwrapped and without its zone."""
    return unwrapped(ipaddress.ip_address(text.split("%", 1)[0]))


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for: mapped, 6to4, Teredo or NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def is_never_a_machine(address: Address) -> bool:
    """Return whether no host of ours can be there: link-local, metadata, multicast, reserved."""
    return (
        address in METADATA
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or (address.is_reserved and not address.is_loopback)  # ::1 lies in a reserved block
        or address in ipaddress.ip_network("0.0.0.0/8")
    )


def is_public(address: Address) -> bool:
    """Return whether the whole internet may reach that address."""
    return address.is_global
