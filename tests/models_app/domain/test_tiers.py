import pytest

from models_app.domain.tiers import Tier, tier_of


@pytest.mark.parametrize(
    ("parameters", "tier"),
    [
        (None, None),
        (0, None),
        (-1, None),
        (1, Tier.MICRO),
        (134_515_008, Tier.MICRO),
        (1_499_999_999, Tier.MICRO),
        (1_500_000_000, Tier.SMALL),
        (13_999_999_999, Tier.SMALL),
        (14_000_000_000, Tier.MEDIUM),
        (32_800_000_000, Tier.MEDIUM),
        (70_000_000_000, Tier.LARGE),
    ],
)
def test_tier_of(parameters: int | None, tier: Tier | None) -> None:
    assert tier_of(parameters) is tier
