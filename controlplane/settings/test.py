"""Settings of the tests: a data folder of their own, fast hashing, no broker by default."""

import os
import tempfile

os.environ.setdefault("SLIPWAY_DATA", tempfile.mkdtemp(prefix="slipway-test-"))

from controlplane.settings.base import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
NUDGE_AFTER_COMMIT = False
STYLEGUIDE = True
# A file, as in an installation: in memory, SQLite's locks differ and threads cannot be tested.
DATABASES["default"]["TEST"] = {"NAME": str(PATHS.root / "test.sqlite3")}  # noqa: F405
