"""Figures as people read them, in English and in Italian."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone, translation

from controlplane.wording import formats

NOW = datetime(2026, 3, 4, 12, 4, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("size", "english", "italian"),
    [
        (0, "0 B", "0 B"),
        (1023, "1,023 B", "1.023 B"),
        (1024, "1.0 KiB", "1,0 KiB"),
        (103_178_240, "98.4 MiB", "98,4 MiB"),
        (327_155_712, "312 MiB", "312 MiB"),
        (1_503_238_553, "1.4 GiB", "1,4 GiB"),
        (1024**3 - 1, "1.0 GiB", "1,0 GiB"),
        (-2_254_857_830, "-2.1 GiB", "-2,1 GiB"),
        (None, formats.UNKNOWN, formats.UNKNOWN),
    ],
)
def test_sizes_are_binary(size: int | None, english: str, italian: str) -> None:
    with translation.override("en"):
        assert formats.size_text(size) == english
    with translation.override("it"):
        assert formats.size_text(size) == italian


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.32, "320 ms"),
        (1.9, "1.9 s"),
        (9.96, "10 s"),
        (45, "45 s"),
        (192, "3 min 12 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (187_200, "2 d 4 h"),
        (None, formats.UNKNOWN),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    with translation.override("en"):
        assert formats.duration_text(seconds) == text


@pytest.mark.parametrize(
    ("back", "text"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=12), "12 s ago"),
        (timedelta(minutes=3, seconds=50), "3 min ago"),
        (timedelta(days=2), "2 d ago"),
        (timedelta(seconds=-10), "in 10 s"),
        (timedelta(days=40), "23 Jan 2026"),
    ],
)
def test_moments_seen_from_now(back: timedelta, text: str) -> None:
    with translation.override("en"):
        assert formats.ago_text(NOW - back, NOW) == text


def test_moments_in_italian_and_in_the_readers_time_zone() -> None:
    with translation.override("it"), timezone.override("Europe/Rome"):
        assert formats.ago_text(NOW - timedelta(days=2), NOW) == "2 g fa"
        assert formats.clock_text(NOW) == "13:04:31"
        assert formats.date_text(NOW) == "4 mar 2026"
        assert formats.day_text(NOW - timedelta(days=1), NOW) == "ieri"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (134_515_008, "135 M"),
        (1_700_000_000, "1.7 B"),
        (8e9, "8 B"),
        (640, "640"),
        (None, formats.UNKNOWN),
    ],
)
def test_parameters(count: float | None, text: str) -> None:
    with translation.override("en"):
        assert formats.parameters_text(count) == text


def test_numbers_and_shares() -> None:
    with translation.override("it"):
        assert formats.number_text(1234567.891, 2) == "1.234.567,89"
        assert formats.percent_text(42.4) == "42 %"
        assert formats.rate_text(327_155_712) == "312 MiB/s"
        assert formats.short_number_text(42.71) == "42,7"
        assert formats.short_number_text(427.1) == "427"
