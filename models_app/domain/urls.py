"""One guard for every address that people give: parsed once, resolved once, checked, pinned.

The caller connects to the addresses returned here and to nothing else, so that a name that answers
differently the second time gains nothing. Local and metadata addresses are refused; networks that
an operator allows by name are not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from models_app.domain.addresses import (
    METADATA,
    Address,
    Network,
    Resolver,
    is_never_a_machine,
    parse_address,
    resolve,
)
from models_app.domain.errors import InvalidError

URL_LENGTH = 2000
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class GuardedUrl:
    """An address that passed: connect to one of `addresses`, with `host` as the name."""

    url: str
    scheme: str
    host: str
    port: int
    path: str  # with the query
    addresses: tuple[str, ...]


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
        _check_address(parse_address(text), allow)
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
    if address in METADATA:
        raise _forbidden()
    if any(address in network for network in allow if network.version == address.version):
        return
    if address.is_loopback or is_never_a_machine(address):
        raise _forbidden()


def _invalid() -> InvalidError:
    return InvalidError("URL_INVALID", fields={"url": "URL_INVALID"})


def _forbidden() -> InvalidError:
    return InvalidError("URL_FORBIDDEN", fields={"url": "URL_FORBIDDEN"})
