"""The database of an installation: SQLite in the data folder, or PostgreSQL by its URL."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=NORMAL;"
    "PRAGMA cache_size=-16000;"
    "PRAGMA mmap_size=134217728;"
    "PRAGMA journal_size_limit=67108864;"
)


def database_settings(url: str, sqlite_path: Path) -> dict[str, Any]:
    """Return Django's settings for the database at `url`; empty means SQLite.

    What a PostgreSQL URL asks for beyond its place goes to libpq as it is: `?sslmode=verify-full`,
    or `?host=/run/postgresql` for a socket.

    SQLite transactions take the write lock at once (IMMEDIATE): two writers queue for at most the
    busy timeout instead of one failing when it upgrades a read lock.
    """
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": sqlite_path,
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": SQLITE_PRAGMAS,
            },
        }
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": asked.pop("host", "") or parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            "connect_timeout": 3,
            "options": "-c statement_timeout=60000 -c lock_timeout=5000"
            " -c idle_in_transaction_session_timeout=30000",
            **asked,
        },
    }
