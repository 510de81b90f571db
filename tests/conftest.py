"""What every test may ask for: three people, their browsers, a data folder of this run's own."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import translation

from controlplane.wording.catalogues import catalogue_paths, compile_catalogue
from models_app.domain.states import Role
from models_app.models import User
from tests.docker_engine import DockerEngine, shared_engine
from tests.factories import make_user
from tests.requirements import need


@pytest.fixture(scope="session", autouse=True)
def data_folder() -> Iterator[None]:
    """Make the folders of this run's installation; settings/test.py chose where."""
    settings.PATHS.make()
    yield
    if settings.PATHS.root.name.startswith("slipway-test-"):
        shutil.rmtree(settings.PATHS.root, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Let tests empty the tables between them: SQLite does it row by row, audit entries too."""
    if connection.vendor == "sqlite":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER audit_no_delete")


def pytest_configure() -> None:
    """Compile the translations before anything reads them."""
    for language, path in catalogue_paths(settings.LOCALE_PATHS[0]).items():
        compile_catalogue(path, language)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Each test begins in English, whatever the one before it has left in its thread."""
    with translation.override("en"):
        yield


@pytest.fixture
def alice(db: None) -> User:
    """An admin."""
    return make_user("alice", Role.ADMIN)


@pytest.fixture
def bob(db: None) -> User:
    """An operator."""
    return make_user("bob", Role.OPERATOR)


@pytest.fixture
def charlie(db: None) -> User:
    """A viewer, and a stranger to whatever is alice's or bob's own."""
    return make_user("charlie", Role.VIEWER)


def browser_of(user: User) -> Client:
    """A browser in which the user is signed in; CSRF is checked as for a real one."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


@pytest.fixture
def alice_browser(alice: User) -> Client:
    """The admin's browser."""
    return browser_of(alice)


@pytest.fixture
def bob_browser(bob: User) -> Client:
    """The operator's browser."""
    return browser_of(bob)


@pytest.fixture
def charlie_browser(charlie: User) -> Client:
    """The viewer's browser."""
    return browser_of(charlie)


@pytest.fixture(scope="session")
def docker_engine() -> DockerEngine:
    """A real Docker engine on a unix socket, shared by the whole run; its guard ends it."""
    need("docker")
    run, controller = _run()
    return shared_engine(run, controller)


@pytest.fixture(scope="session")
def docker_machine() -> DockerEngine:
    """A real Docker engine on a "machine" of its own, by TLS and by SSH, shared as the other."""
    need("docker")
    run, controller = _run()
    return shared_engine(f"{run}-machine", controller, machine=True, tls=True, ssh=True)


def _run() -> tuple[str, int]:
    """Return this test run's name, and the process that lives as long as it does."""
    is_part = "PYTEST_XDIST_WORKER" in os.environ
    name = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"alone-{os.getpid()}")
    return name, os.getppid() if is_part else os.getpid()
