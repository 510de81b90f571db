"""How the fake engine behaves: set at its start, and for one request by its `fake` object.

Tuples and plain classes here and beside it, since `dataclasses` alone would cost the server a
quarter of its start and of its memory.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Behaviour(NamedTuple):
    """What happens during one answer. `None` and 0 for tokens: never."""

    first_token_delay_s: float = 0.02
    tokens_per_s: float = 60.0  # 0: as fast as the machine can
    stall_after_tokens: int | None = None  # then nothing more, until the client hangs up
    crash_after_tokens: int | None = None  # then the whole process dies
    seed: int | None = None

    def changed_by(self, wanted: Any) -> "Behaviour":
        """Return the behaviour with what a request's `fake` object asks. Raises ValueError."""
        if wanted is None:
            return self
        if not isinstance(wanted, Mapping):
            raise ValueError("fake: an object is expected")  # noqa: TRY004 - bad input, not a bug
        for key, value in wanted.items():
            if key not in self._fields:
                raise ValueError(f"fake: unknown key {key!r}")
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int | float)
            ):
                raise ValueError(f"fake: {key} is not a number")
            if value is not None and value < 0:
                raise ValueError(f"fake: {key} is negative")
        return self._replace(**wanted)
