"""Bring the database to this version's schema, with a copy of the old one kept beside it."""

import sqlite3
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

KEPT_COPIES = 3


def bring_up_to_date(database: Path, say: Callable[[str], None]) -> None:
    """Apply migrations that are due. An SQLite file that holds data is copied first."""
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    if connection.vendor == "sqlite" and executor.loader.applied_migrations:
        say(f"Slipway: the database is brought up to date; a copy is in {copy_aside(database)}")
    call_command("migrate", interactive=False, verbosity=0)


def copy_aside(database: Path) -> Path:
    """Copy the file with its write-ahead log, by SQLite's own backup; keep a few."""
    target = database.with_name(f"{database.stem}.before-{_stamp()}.sqlite3")
    source, copy = sqlite3.connect(database), sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        source.close()
        copy.close()
    target.chmod(0o600)
    for old in sorted(database.parent.glob(f"{database.stem}.before-*.sqlite3"))[:-KEPT_COPIES]:
        old.unlink()
    return target


def _stamp() -> str:
    return timezone.now().astimezone(UTC).strftime("%Y%m%dT%H%M%S")
