"""Gathers the figures that looks bring home, and writes them together.

Every host is looked at every few seconds: a statement for each host's figures and each replica's
would be most of what the database has to do. A worker that is killed loses a second of a chart.
"""

import threading
import time
from collections.abc import Sequence

from django.conf import settings

from models_app.models import HostSample, ReplicaSample
from models_app.services.samples import samples_add

Sample = HostSample | ReplicaSample


class Gathered:
    """The figures of one process that are not written yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: list[Sample] = []
        self._written_at = 0.0

    def add(self, rows: Sequence[Sample]) -> None:
        """Keep these; whoever comes a while after the last writing writes them all."""
        with self._lock:
            self._rows += rows
            is_time = time.monotonic() - self._written_at >= settings.SAMPLES_TOGETHER_S
        if is_time:
            self.write()

    def write(self) -> None:
        """Write what there is."""
        with self._lock:
            rows, self._rows = self._rows, []
            self._written_at = time.monotonic()
        samples_add(rows)


GATHERED = Gathered()
