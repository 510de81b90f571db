"""Standing still is told from working long and from having nothing to do."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from workers.reconcilers.replica_stuck import Look, stuck_s

NOW = timezone.now()


def looks(count: int = 30, **changes: object) -> list[Look]:
    """One each five seconds, the newest first, of a copy that stands still."""
    seen: dict[str, object] = {"processing": 1.0, "cpu_percent": 0.1}
    seen["totals"] = {"prompt_tokens": 5.0, "completion_tokens": 9.0}
    return [
        Look(NOW - timedelta(seconds=5 * index), **(seen | changes))  # type: ignore[arg-type]
        for index in range(count)
    ]


def test_requests_without_tokens_or_processor_stand_still() -> None:
    assert stuck_s(looks()) == 145.0


@pytest.mark.parametrize(
    "changes",
    [
        {"cpu_percent": 99.0},  # a long prompt on a slow machine
        {"cpu_percent": 3.0},  # the same, among many others
        {"cpu_percent": None},  # cannot be measured there
        {"processing": 0.0},
        {"processing": None},
    ],
)
def test_work_and_rest_are_not_taken_for_it(changes: dict[str, Any]) -> None:
    assert stuck_s(looks(**changes)) == 0.0


def test_a_token_is_a_sign_of_life() -> None:
    before = looks(totals={"prompt_tokens": 5.0, "completion_tokens": 8.0})
    assert stuck_s([*looks(3), *before[3:]]) == 10.0


def test_a_moment_of_work_is_a_sign_of_life() -> None:
    assert stuck_s([*looks(3), *looks(30, cpu_percent=50.0)[3:4], *looks(30)[4:]]) == 10.0


def test_what_nobody_saw_is_not_concluded() -> None:
    assert stuck_s([*looks(2), *looks(30)[12:]]) == 5.0


def test_nothing_is_known_without_looks() -> None:
    assert stuck_s([]) == 0.0
