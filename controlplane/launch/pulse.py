"""The sign of life that each part gives, so that one which hangs is told from one which works.

A part touches its file about once a second; `watchdog.py` sees whether it still does. Only parts
that `manage.py up` runs have a file: elsewhere nobody would look.
"""

import threading
import time
from contextlib import suppress
from pathlib import Path

from controlplane.settings.env import Env
from controlplane.settings.paths import DataPaths

EVERY_S = 1.0


def pulse_file(paths: DataPaths, part: str) -> Path:
    """Return the file that a part touches for as long as it lives."""
    return paths.run / f"{part}.pulse"


class Pulse:
    """The pulse of this process; beats only when `up` runs it as one of its parts."""

    def __init__(self, env: Env, paths: DataPaths) -> None:
        self._file = pulse_file(paths, env.part) if env.part else None
        self._beaten_at = -EVERY_S

    def beat(self) -> None:
        """Touch the file, at most once a second however often it is called."""
        now = time.monotonic()
        if self._file is None or now - self._beaten_at < EVERY_S:
            return
        self._beaten_at = now
        with suppress(OSError):  # the watchdog will see it missing; no work stops for it here
            self._file.touch(mode=0o600)

    def keep_beating(self) -> None:
        """Beat on a thread of its own, for processes whose main loop is not ours."""
        if self._file is not None:
            threading.Thread(target=self._run, name="pulse", daemon=True).start()

    def _run(self) -> None:
        while True:
            self.beat()
            time.sleep(EVERY_S)
