"""A capture: an admin has some requests of one deployment kept, for a while, to look at them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from models_app.domain.errors import InvalidError

RANGES = {"percent": (1, 100), "hours": (1, 7 * 24), "keep_days": (1, 30)}
KEPT_REQUESTS = 1000  # of one deployment; the oldest go


@dataclass(frozen=True, slots=True)
class CaptureRule:
    """What the gateway has to know of one that runs."""

    percent: int
    until: datetime

    def holds(self, now: datetime) -> bool:
        """Return whether it still runs."""
        return now < self.until


def check_capture(values: Mapping[str, int]) -> None:
    """Raise InvalidError with the first value that is out of its range."""
    for name, (least, most) in RANGES.items():
        if not least <= values[name] <= most:
            raise InvalidError("VALUE_OUT_OF_RANGE", fields={name: "VALUE_OUT_OF_RANGE"})
