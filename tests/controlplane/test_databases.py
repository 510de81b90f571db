"""The database by its URL."""

from pathlib import Path

from controlplane.settings.databases import database_settings


def test_nothing_is_sqlite_in_the_data_folder() -> None:
    found = database_settings("", Path("/data/slipway.sqlite3"))
    assert found["ENGINE"].endswith("sqlite3")
    assert found["NAME"] == Path("/data/slipway.sqlite3")
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_a_url_says_where_who_and_how() -> None:
    url = "postgresql://sl%40p:p%2Fw@db.lan:5433/ledger?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    found = database_settings(url, Path("unused"))
    place = {key: found[key] for key in ("HOST", "PORT", "NAME", "USER", "PASSWORD")}
    assert place == {
        "HOST": "db.lan",
        "PORT": "5433",
        "NAME": "ledger",
        "USER": "sl@p",
        "PASSWORD": "p/w",
    }
    assert found["OPTIONS"]["sslmode"] == "verify-full"
    assert found["OPTIONS"]["sslrootcert"] == "/etc/ca.pem"
    assert "lock_timeout=5000" in found["OPTIONS"]["options"]


def test_a_socket_is_named_by_its_folder() -> None:
    found = database_settings("postgresql:///ledger?host=/run/Postgres", Path("unused"))
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("/run/Postgres", "", "ledger")
    assert "host" not in found["OPTIONS"]
