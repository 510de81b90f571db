"""Rules about labels: written and read back the same, fitting what they say, bounded."""

import pytest

from models_app.domain.label_rules import (
    RULES_LIMIT,
    VALUES_LIMIT,
    Rule,
    fits,
    is_selector,
    parse_rule,
    rule_text,
)

ROME = {"site": "rome", "gpu": "none"}


@pytest.mark.parametrize(
    ("line", "key", "rule"),
    [
        ("site=rome", "site", "rome"),
        ("site in (rome, milan)", "site", {"in": ["rome", "milan"]}),
        ("gpu not in (none)", "gpu", {"not_in": ["none"]}),
        ("rack", "rack", {"exists": True}),
        ("!rack", "rack", {"exists": False}),
    ],
)
def test_a_rule_is_read_and_written_the_same(line: str, key: str, rule: Rule) -> None:
    assert parse_rule(line) == (key, rule)
    assert rule_text(key, rule) == line


def test_spaces_and_kubernetes_spelling_do_not_matter() -> None:
    assert parse_rule(" site IN( rome ,milan ) ") == ("site", {"in": ["rome", "milan"]})
    assert parse_rule("gpu notin (none)") == ("gpu", {"not_in": ["none"]})
    assert parse_rule("site = rome") == ("site", "rome")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "!",
        "=rome",
        "site=",
        "site in ()",
        "site in (a,,b)",
        "two words",
        "site in rome",
        "x" * 64,
    ],
)
def test_what_is_no_rule(line: str) -> None:
    assert parse_rule(line) is None


@pytest.mark.parametrize(
    ("selector", "does"),
    [
        ({}, True),
        ({"site": "rome"}, True),
        ({"site": "milan"}, False),
        ({"site": {"in": ["milan", "rome"]}}, True),
        ({"rack": {"in": ["a"]}}, False),
        ({"gpu": {"not_in": ["nvidia"]}}, True),
        ({"gpu": {"not_in": ["none"]}}, False),
        ({"rack": {"not_in": ["a"]}}, True),
        ({"site": {"exists": True}}, True),
        ({"rack": {"exists": True}}, False),
        ({"rack": {"exists": False}, "site": "rome"}, True),
        ({"site": {"exists": False}}, False),
    ],
)
def test_which_hosts_fit(selector: dict[str, Rule], does: bool) -> None:
    assert fits(selector, ROME) is does
    assert is_selector(selector)


@pytest.mark.parametrize(
    "found",
    [
        [],
        {"site": 1},
        {"site": None},
        {"": "rome"},
        {"site": {}},
        {"site": {"in": []}},
        {"site": {"in": "rome"}},
        {"site": {"in": ["rome"], "not_in": ["milan"]}},
        {"site": {"exists": "yes"}},
        {"site": {"like": "r%"}},
        {"site": {"in": [["rome"]]}},
        {"site": {"in": ["a"] * (VALUES_LIMIT + 1)}},
        {str(number): "x" for number in range(RULES_LIMIT + 1)},
        {"site": "x" * 64},
    ],
)
def test_what_is_no_selector(found: object) -> None:
    assert not is_selector(found)
