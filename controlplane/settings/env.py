"""The only reader of the environment. Every setting an operator may give is named here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models_app.domain.request_bounds import RequestBounds, read_bounds

ROOT = Path(__file__).resolve().parents[2]


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
    """Return the settings found in the environment, with their defaults."""
    get = os.environ.get
    return Env(
        data=Path(get("SLIPWAY_DATA") or ROOT / ".slipway").expanduser().resolve(),
        host=get("SLIPWAY_HOST") or "127.0.0.1",
        port=int(get("SLIPWAY_PORT") or 8400),
        public_url=get("SLIPWAY_URL", "").rstrip("/"),
        database_url=get("SLIPWAY_DATABASE", ""),
        broker_url=get("SLIPWAY_BROKER", ""),
        allowed_hosts=tuple(h for h in get("SLIPWAY_ALLOWED_HOSTS", "").split(",") if h),
        fetch_networks=tuple(n for n in get("SLIPWAY_FETCH_NETWORKS", "").split(",") if n),
        model_registries=_registries(get("SLIPWAY_MODEL_REGISTRIES", "")),
        upload_limit_bytes=int(get("SLIPWAY_UPLOAD_LIMIT_GIB") or 200) << 30,
        request_bounds=read_bounds(get("SLIPWAY_REQUEST_BOUNDS", "")),
        debug=get("SLIPWAY_DEBUG") == "1",
        demo=get("SLIPWAY_DEMO") == "1",
        part=get("SLIPWAY_PART", ""),
        first_model=get("SLIPWAY_FIRST_MODEL") != "0",
    )


def _registries(text: str) -> dict[str, bool]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    plain = "http://"
    return {name.removeprefix(plain).rstrip("/"): name.startswith(plain) for name in names}
