"""Settings of the tests: a data folder of their own, fast hashing, no broker by default."""

import atexit
import os
import shutil
import tempfile

# Parallel runs inherit the environment of the process that started them, but share no folder.
_PREFIX = f"slipway-test-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}-"
_given = os.environ.get("SLIPWAY_DATA", "")
if not _given or ("PYTEST_XDIST_WORKER" in os.environ and _PREFIX not in _given):
    os.environ["SLIPWAY_DATA"] = tempfile.mkdtemp(prefix=_PREFIX)
    atexit.register(shutil.rmtree, os.environ["SLIPWAY_DATA"], ignore_errors=True)

from controlplane.settings.base import *  # noqa: E402, F403
from controlplane.settings.databases import database_settings  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
NUDGE_AFTER_COMMIT = False
SAMPLES_TOGETHER_S = 0.0
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
STYLEGUIDE = True
# SLIPWAY_TEST_DATABASE: postgresql://..., whose role may create databases; tests/postgres_server.py
if _other := os.environ.get("SLIPWAY_TEST_DATABASE", ""):
    DATABASES["default"] = database_settings(_other, PATHS.database)  # noqa: F405
else:
    # A file, as in an installation: in memory, SQLite's locks differ, threads cannot be tested.
    DATABASES["default"]["TEST"] = {"NAME": str(PATHS.root / "test.sqlite3")}  # noqa: F405
