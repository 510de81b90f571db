import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from controlplane.launch import database
from controlplane.launch.database import KEPT_COPIES, copy_aside


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "slipway.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE wish (name TEXT)")
        connection.execute("INSERT INTO wish VALUES ('kept')")
        connection.commit()
    return path


def test_copy_holds_what_was_committed_and_is_private(ledger: Path) -> None:
    copy = copy_aside(ledger)
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT name FROM wish").fetchall() == [("kept",)]
    assert copy.stat().st_mode & 0o077 == 0


def test_only_the_newest_copies_are_kept(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = []
    for second in range(KEPT_COPIES + 2):
        monkeypatch.setattr(database, "_stamp", lambda second=second: f"20300101T00000{second}")
        names.append(copy_aside(ledger))
    assert [path.exists() for path in names] == [False, False, True, True, True]
