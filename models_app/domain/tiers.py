"""The tiers of models by their number of parameters: what one may expect of a machine."""

from enum import StrEnum


class Tier(StrEnum):
    """Micro runs on phones, small on a laptop, medium wants a workstation, large a server."""

    MICRO = "micro"  # named for 100 M to 1.4 B; anything below is micro too
    SMALL = "small"  # 1.5 B to 13.9 B
    MEDIUM = "medium"  # 14 B to 30 B
    LARGE = "large"


_CEILINGS = (
    (1_500_000_000, Tier.MICRO),
    (14_000_000_000, Tier.SMALL),
    # Models called "30B" count up to 32.8 billion when their tensors are added up.
    (33_000_000_000, Tier.MEDIUM),
)


def tier_of(parameters: int | None) -> Tier | None:
    """Return the tier; None when the number of parameters is unknown."""
    if parameters is None or parameters <= 0:
        return None
    for ceiling, tier in _CEILINGS:
        if parameters < ceiling:
            return tier
    return Tier.LARGE
