"""One guard for every address that people give: parsed once, resolved once, checked, pinned.

The caller connects to the addresses returned here and to nothing else, so that a name that answers
differently the second time gains nothing. Local and metadata addresses are refused; networks that
an operator allows by name are not.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from models_app.domain.errors import InvalidError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Sequence[str]]

URL_LENGTH = 2000
PORTS = {"http": 80, "https": 443}
METADATA = (
    ipaddress.ip_address("169.254.169.254"),
    ipaddress.ip_address("fd00:ec2::254"),
    ipaddress.ip_address("100.100.100.200"),
)


@dataclass(frozen=True, slots=True)
class GuardedUrl:
    """An address that passed: connect to one of `addresses`, with `host` as the name."""

    url: str
    scheme: str
    host: str
    port: int
    path: str  # with the query
    addresses: tuple[str, ...]


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host name. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def guard_url(
    url: str, *, allow: Sequence[Network] = (), resolver: Resolver = resolve
) -> GuardedUrl:
    """Return the URL with its checked addresses.

    Raises InvalidError URL_INVALID or URL_FORBIDDEN; the same for a closed and an open port, since
    nothing is connected to here. OSError when the name does not resolve.
    """
    scheme, host, port, path = _parse(url)
    addresses = list(resolver(host, port))
    if not addresses:
        raise OSError(f"{host} has no address")
    for text in addresses:
        _check_address(ipaddress.ip_address(text.split("%", 1)[0]), allow)
    return GuardedUrl(url, scheme, host, port, path, tuple(addresses))


def _parse(url: str) -> tuple[str, str, int, str]:
    is_plain = url.isascii() and url.isprintable() and not set(url) & set(' \\"<>^`{|}')
    if not is_plain or len(url) > URL_LENGTH:
        raise _invalid()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _invalid() from None
    if parts.scheme not in PORTS or not host or "@" in parts.netloc or parts.fragment:
        raise _invalid()
    path = parts.path or "/"
    return parts.scheme, host, port or PORTS[parts.scheme], _with_query(path, parts.query)


def _with_query(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def _check_address(address: Address, allow: Sequence[Network]) -> None:
    plain = _unwrapped(address)
    if plain in METADATA:
        raise _forbidden()
    if any(plain in network for network in allow if network.version == plain.version):
        return
    is_local = (
        plain.is_loopback
        or plain.is_link_local
        or plain.is_multicast
        or plain.is_unspecified
        or plain.is_reserved
        or plain in ipaddress.ip_network("0.0.0.0/8")
    )
    if is_local:
        raise _forbidden()


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for: mapped, 6to4, Teredo or NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def _invalid() -> InvalidError:
    return InvalidError("URL_INVALID", fields={"url": "URL_INVALID"})


def _forbidden() -> InvalidError:
    return InvalidError("URL_FORBIDDEN", fields={"url": "URL_FORBIDDEN"})
