"""What this installation is and runs by: facts for the settings page, never a secret."""

import os
import shutil
import sqlite3
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
import psutil
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from controlplane.sessions import ABSOLUTE_S, IDLE_S
from controlplane.version import VERSION
from controlplane.wording.formats import duration_text, number_text, size_text
from models_app.services.sign_in import FREE_PER_ACCOUNT, LINK_MINUTES, LONGEST_WAIT_S, WAIT_S

Text = str | Promise
MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Fact:
    """One line; `is_code` for what can be pasted."""

    label: Text
    value: str
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class EnvironmentFact:
    """One setting of the environment: its name, what it is now, what it does."""

    name: str
    value: str
    help: Text


def installation() -> list[Fact]:
    """Return what runs here and where it keeps its state."""
    return [
        Fact(_("Version"), VERSION),
        Fact(_("Address"), settings.PUBLIC_URL, is_code=True),
        Fact(_("Data folder"), str(settings.PATHS.root), is_code=True),
        Fact(_("Database"), _database()),
        Fact(_("Broker"), _broker()),
        Fact(_("Mark on its workloads"), settings.INSTANCE_ID, is_code=True),
        Fact("Python", f"{sys.version.split()[0]} · Django {django.get_version()}"),
    ]


def running_since() -> datetime:
    """Return when the web part was started."""
    return datetime.fromtimestamp(psutil.Process(os.getpid()).create_time(), UTC)


def sign_in_rules() -> list[Fact]:
    """Return the rules of signing in that are built in."""
    rules: Any = settings.AUTH_PASSWORD_VALIDATORS
    length = next(r["OPTIONS"]["min_length"] for r in rules if "min_length" in r.get("OPTIONS", {}))
    throttle = gettext("after {n} failures a wait of {first}, doubling up to {longest}").format(
        n=number_text(FREE_PER_ACCOUNT),
        first=duration_text(WAIT_S),
        longest=duration_text(LONGEST_WAIT_S),
    )
    sessions = gettext("end after {idle} without use, after {all} in any case").format(
        idle=duration_text(IDLE_S), all=duration_text(ABSOLUTE_S)
    )
    link = gettext("works once, for {time}").format(time=duration_text(LINK_MINUTES * MINUTE_S))
    at_least = gettext("{n} characters at least, and none of the common ones").format(
        n=number_text(length)
    )
    return [
        Fact(_("Passwords"), at_least),
        Fact(_("Sessions"), sessions),
        Fact(_("Sign-in link"), link),
        Fact(_("Failed sign-ins"), throttle),
        Fact(_("Secure cookies"), gettext("yes") if settings.SESSION_COOKIE_SECURE else _no_tls()),
    ]


def space(models_bytes: int) -> list[tuple[Text, int]]:
    """Return (what, bytes) of the data folder, and what its disk has left."""
    found: list[tuple[Text, int]] = [(_("Model store"), models_bytes)]
    if not settings.ENV.database_url:
        found.append((_("Database"), _size(settings.PATHS.database)))
    found.append((_("Logs"), sum(_size(path) for path in settings.PATHS.logs.glob("*"))))
    found.append((_("Free on this disk"), shutil.disk_usage(settings.PATHS.root).free))
    return found


def environment() -> list[EnvironmentFact]:
    """Return the settings that the environment gives at a start."""
    env = settings.ENV
    on, off = gettext("on"), gettext("off")
    rows: list[tuple[str, str, Text]] = [
        ("SLIPWAY_DATA", str(env.data), _("where all state lies")),
        ("SLIPWAY_HOST", env.host, _("the address it listens on")),
        ("SLIPWAY_PORT", str(env.port), _("the port it listens on")),
        ("SLIPWAY_URL", env.public_url, _("how browsers reach it, when not by host and port")),
        ("SLIPWAY_ALLOWED_HOSTS", ", ".join(env.allowed_hosts), _("other names it answers to")),
        ("SLIPWAY_DATABASE", _place(env.database_url), _("PostgreSQL instead of SQLite")),
        ("SLIPWAY_BROKER", _place(env.broker_url), _("a Redis or Valkey of your own")),
        ("SLIPWAY_FETCH_NETWORKS", ", ".join(env.fetch_networks), _("local networks, see above")),
        (
            "SLIPWAY_MODEL_REGISTRIES",
            ", ".join(_registries(env.model_registries)),
            _("other registries that Ollama hosts may pull from"),
        ),
        (
            "SLIPWAY_FIRST_MODEL",
            on if env.first_model else off,
            _("deploys the model that comes with Slipway at the first start"),
        ),
        (
            "SLIPWAY_UPLOAD_LIMIT_GIB",
            size_text(env.upload_limit_bytes),
            _("the largest file that may be uploaded"),
        ),
        (
            "SLIPWAY_REQUEST_BOUNDS",
            ", ".join(f"{name}={most}" for name, most in asdict(env.request_bounds).items()),
            _("the most that one request through the gateway may ask of an engine"),
        ),
        ("SLIPWAY_DEMO", on if env.demo else off, _("shows what is for demonstrations")),
        ("SLIPWAY_DEBUG", on if env.debug else off, _("for development only")),
    ]
    return [EnvironmentFact(name, value, help_) for name, value, help_ in rows]


def _registries(known: Mapping[str, bool]) -> list[str]:
    return [f"http://{name}" if is_plain else name for name, is_plain in known.items()]


def _database() -> str:
    if settings.ENV.database_url:
        return f"PostgreSQL · {_place(settings.ENV.database_url)}"
    return f"SQLite {sqlite3.sqlite_version}"


def _broker() -> str:
    if settings.ENV.broker_url:
        return _place(settings.ENV.broker_url)
    return gettext("its own Valkey, on a socket in the data folder")


def _place(url: str) -> str:
    """Return host and path of an address: who signs in there, and with what, stays out."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname or ''}{port}{parts.path}" if url else ""


def _no_tls() -> str:
    return gettext("no: it is reached without https")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
