"""The tiers of models by their number of parameters."""

MICRO, SMALL, MEDIUM, LARGE = "micro", "small", "medium", "large"

_CEILINGS = ((MICRO, 1_400_000_000), (SMALL, 13_900_000_000), (MEDIUM, 30_000_000_000))


def tier_of(parameters: int | None) -> str | None:
    """Return micro (to 1.4 B), small (to 13.9 B), medium (to 30 B) or large; None when unknown."""
    if not parameters or parameters < 0:
        return None
    return next((tier for tier, ceiling in _CEILINGS if parameters <= ceiling), LARGE)
