"""Where the randomness of the fault tests comes from: one seed, printed, that can be given again.

`SLIPWAY_FAULT_SEED` repeats a run, `SLIPWAY_FAULT_ROUNDS` makes each case longer.
"""

import os
import random
import sys
import time

SEED = int(os.environ.get("SLIPWAY_FAULT_SEED") or time.time_ns() % 1_000_000)
ROUNDS = int(os.environ.get("SLIPWAY_FAULT_ROUNDS") or 1)


class Dice(random.Random):
    """Random moments of one case: the same seed and case give the same ones."""

    def __init__(self, case: str) -> None:
        super().__init__(f"{SEED}:{case}")
        sys.stdout.write(f"\nSLIPWAY_FAULT_SEED={SEED} case={case}\n")

    def wait(self, longest_s: float) -> None:
        """Let a random moment come."""
        time.sleep(self.uniform(0.0, longest_s))
