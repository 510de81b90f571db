"""The only reader of the environment. Every setting an operator may give is named here.

A value that cannot be meant is refused here, by a sentence that names its variable.
"""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from models_app.domain.request_bounds import RequestBounds, read_bounds

ROOT = Path(__file__).resolve().parents[2]
HIGHEST_PORT = 65_535


class SettingError(ValueError):
    """A variable of the environment cannot be meant; the message is the line to show."""


@dataclass(frozen=True, slots=True)
class Env:
    """The settings of one process, read once at its start."""

    data: Path  # SLIPWAY_DATA: all state of this installation
    host: str  # SLIPWAY_HOST: address the web server binds; loopback unless told
    port: int  # SLIPWAY_PORT
    public_url: str  # SLIPWAY_URL: how browsers reach it, when not by host and port
    database_url: str  # SLIPWAY_DATABASE: postgresql://…; empty for SQLite in the data folder
    broker_url: str  # SLIPWAY_BROKER: redis://…; empty for the embedded Valkey
    allowed_hosts: tuple[str, ...]  # SLIPWAY_ALLOWED_HOSTS, comma separated
    fetch_networks: tuple[str, ...]  # SLIPWAY_FETCH_NETWORKS: local CIDRs to fetch models from
    # SLIPWAY_MODEL_REGISTRIES: hosts that Ollama servers may pull from besides their default, comma
    # separated; one that begins with http:// is asked without TLS. Host -> whether that is so.
    model_registries: Mapping[str, bool]
    upload_limit_bytes: int  # SLIPWAY_UPLOAD_LIMIT_GIB: of one uploaded model file
    request_bounds: RequestBounds  # SLIPWAY_REQUEST_BOUNDS: the most that one request may ask
    debug: bool  # SLIPWAY_DEBUG=1: development only
    demo: bool  # SLIPWAY_DEMO=1: shows the fake engine
    part: str  # SLIPWAY_PART: which part of it this process is; set by `manage.py up` alone
    first_model: bool  # SLIPWAY_FIRST_MODEL=0: do not deploy the bundled model at first start


def read_env() -> Env:
    """Return the settings found in the environment, with their defaults. Raises SettingError."""
    get = os.environ.get
    return Env(
        data=Path(get("SLIPWAY_DATA") or ROOT / ".slipway").expanduser().resolve(),
        host=get("SLIPWAY_HOST") or "127.0.0.1",
        port=_number("SLIPWAY_PORT", 8400, HIGHEST_PORT),
        public_url=_public_url("SLIPWAY_URL"),
        database_url=_database_url("SLIPWAY_DATABASE"),
        broker_url=_broker_url("SLIPWAY_BROKER"),
        allowed_hosts=_list("SLIPWAY_ALLOWED_HOSTS"),
        fetch_networks=_networks("SLIPWAY_FETCH_NETWORKS"),
        model_registries=_registries(get("SLIPWAY_MODEL_REGISTRIES", "")),
        upload_limit_bytes=_number("SLIPWAY_UPLOAD_LIMIT_GIB", 200, 1 << 20) << 30,
        request_bounds=_bounds("SLIPWAY_REQUEST_BOUNDS"),
        debug=get("SLIPWAY_DEBUG") == "1",
        demo=get("SLIPWAY_DEMO") == "1",
        part=get("SLIPWAY_PART", ""),
        first_model=get("SLIPWAY_FIRST_MODEL") != "0",
    )


def _number(name: str, default: int, highest: int) -> int:
    text = os.environ.get(name) or str(default)
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= highest:
        raise SettingError(f"{name} must be a number between 1 and {highest}, not {text!r}.")
    return value


def _list(name: str) -> tuple[str, ...]:
    parts = (part.strip() for part in os.environ.get(name, "").split(","))
    return tuple(part for part in parts if part)


def _networks(name: str) -> tuple[str, ...]:
    networks = _list(name)
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise SettingError(f"{name} must be networks like 10.0.0.0/8: {error}.") from None
    return networks


def _bounds(name: str) -> RequestBounds:
    try:
        return read_bounds(os.environ.get(name, ""))
    except ValueError as error:
        raise SettingError(f"{name} must be like tools=300,stops=64: {error}.") from None


def _database_url(name: str) -> str:
    """Return the address of a database; the text is not shown, it may hold a password."""
    url = os.environ.get(name, "")
    parts = _split(url)
    if url and (
        parts is None or parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/")
    ):
        raise SettingError(f"{name} must be like postgresql://user:password@host:5432/name.")
    return url


def _broker_url(name: str) -> str:
    """Return the address of a broker; the text is not shown, it may hold a password."""
    url = os.environ.get(name, "")
    parts = _split(url)
    by_network = parts is not None and parts.scheme in {"redis", "rediss"} and parts.hostname
    by_socket = parts is not None and parts.scheme in {"unix", "redis+socket"} and parts.path
    if url and not (by_network or by_socket):
        raise SettingError(f"{name} must be like redis://host:6379/0.")
    return url


def _public_url(name: str) -> str:
    url = os.environ.get(name, "").rstrip("/")
    parts = _split(url)
    is_origin = (
        parts is not None
        and parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and not (parts.path or parts.query or parts.fragment)
    )
    if url and not is_origin:
        raise SettingError(f"{name} must be like https://slipway.example, without a path.")
    return url


def _split(url: str) -> SplitResult | None:
    """Return the parts of an address, None when it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # read only now: it may be no number
    except ValueError:
        return None
    return parts


def _registries(text: str) -> dict[str, bool]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    plain = "http://"
    return {name.removeprefix(plain).rstrip("/"): name.startswith(plain) for name in names}
