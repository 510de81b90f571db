"""What the gateway knows of a key decides by itself, without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models_app.domain.errors import InvalidError
from models_app.domain.gateway import (
    KEY_LIMITS,
    GatewayKeyFacts,
    KeyRoute,
    KeyStanding,
    Limits,
    as_values,
    limits_of,
    split_key,
    timeouts_of,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def facts(**fields):
    values: dict[str, Any] = {
        "id": "abc",
        "row_id": 1,
        "digest": "",
        "name": "till",
        "every_model": False,
        "deployments": frozenset({"d1"}),
        "aliases": frozenset({"a1"}),
        "routes": frozenset({KeyRoute.CHAT}),
        "limits": Limits(),
        "ollama_face": False,
        "is_backed": True,
        "expires_at": NOW + timedelta(days=1),
        "revoked_at": None,
    }
    return GatewayKeyFacts(**(values | fields))


def test_a_key_opens_what_it_names_and_nothing_else():
    key = facts()
    assert key.opens_deployment("d1")
    assert not key.opens_deployment("d2")
    assert key.opens_alias("a1")
    assert not key.opens_alias("d1")
    assert key.opens_route(KeyRoute.CHAT)
    assert not key.opens_route(KeyRoute.EMBEDDINGS)
    assert facts(every_model=True, deployments=frozenset()).opens_deployment("d9")


@pytest.mark.parametrize(
    ("fields", "standing"),
    [
        ({}, KeyStanding.GOOD),
        ({"revoked_at": NOW}, KeyStanding.REVOKED),
        ({"expires_at": NOW}, KeyStanding.EXPIRED),
        ({"is_backed": False}, KeyStanding.UNBACKED),
    ],
)
def test_a_kept_key_tells_its_standing_at_any_time(fields, standing):
    assert facts(**fields).standing(NOW) == standing


def test_a_key_is_split_into_id_and_secret():
    assert split_key("slip_0a1b_se_cr-et") == ("0a1b", "se_cr-et")
    wrong = ["", "slip", "slip_", "slip_a_", "slip__x", "slap_a_b", "slip_a'_b", "slip_é_b"]
    for text in [*wrong, "slip_a_" + "x" * 200, "Bearer slip_a_b"]:
        assert split_key(text) is None, text


def test_limits_keep_the_default_of_what_is_not_named():
    limits = limits_of({"tokens_per_day": 5, "requests_per_minute": None}, KEY_LIMITS)
    assert limits == Limits(None, 100_000, 5, 8, None)
    assert as_values(limits) == {
        "tokens_per_minute": 100_000,
        "tokens_per_day": 5,
        "concurrent_requests": 8,
    }


@pytest.mark.parametrize(
    "values",
    [
        {"requests_per_minute": 0},
        {"requests_per_minute": -1},
        {"requests_per_minute": True},
        {"requests_per_minute": 1.5},
        {"requests_per_minute": "60"},
        {"concurrent_requests": 10**9},
        {"rpm": 3},
    ],
)
def test_bad_limits_are_refused(values):
    with pytest.raises(InvalidError) as caught:
        limits_of(values)
    assert next(iter(caught.value.fields)).startswith("limits.")


def test_timeouts_have_ranges():
    assert timeouts_of({"idle_s": 5}).idle_s == 5
    assert timeouts_of({}).first_token_s == 60.0
    for values in ({"idle_s": 0}, {"idle_s": float("nan")}, {"connect_s": "3"}, {"x": 1}):
        with pytest.raises(InvalidError):
            timeouts_of(values)
