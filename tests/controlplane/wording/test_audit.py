"""Whatever the source writes into the audit log has words: each action, each door, each field."""

import ast
import re
from collections.abc import Iterator

import pytest
from django.utils import translation

from controlplane.fragments.progress import _KINDS as OPERATION_KINDS
from controlplane.wording.audit import (
    ACTIONS,
    KINDS,
    action_text,
    change_text,
    field_word,
    via_text,
)
from models_app.services.bootstrap import FIRST_START
from models_app.services.instance import FIELDS as RULES
from models_app.services.people import PROFILE, RIGHTS
from tests.raised_codes import modules

WRITERS = {"audit", "wish", "_save", "_choose", "_schedule", "_audit_sign_in"}
ACTION = re.compile(r"(sign_in|[a-z_]+\.[a-z_]+)")
FAMILIES = {  # f"operation.{kind}" in the source stands for these
    "operation.": [f"operation.{kind}" for kind in OPERATION_KINDS],
    "deployment.": ["deployment.stop", "deployment.start"],
}


def written() -> Iterator[tuple[str, str]]:
    """Yield (where, action) of every audit row that the source writes."""
    for path, tree in modules():
        if path.parts[:2] != ("models_app", "services"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in WRITERS:
                for argument in node.args:
                    for action in _actions(argument):
                        yield f"{path}:{node.lineno}", action


def _actions(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value] if ACTION.fullmatch(node.value) else []
    if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        return FAMILIES[str(node.values[0].value)]
    return []


WRITTEN = sorted(written())


@pytest.mark.parametrize(("where", "action"), WRITTEN)
def test_every_action_has_words(where: str, action: str) -> None:
    assert action in ACTIONS, where


def test_no_words_are_for_an_action_that_nobody_writes() -> None:
    found = {action for _where, action in WRITTEN} | {FIRST_START}
    assert len(found) > 40
    assert set(ACTIONS) == found, set(ACTIONS) ^ found


def test_the_page_can_be_narrowed_to_every_kind() -> None:
    kept_apart = {"demo.", "slipway."}  # of the installation, and rare
    kinds = {f"{action.partition('.')[0]}." for action in ACTIONS if "sign_in" not in action}
    assert kinds - kept_apart == {kind for kind in KINDS if kind != "sign_in"}


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_an_action_is_told_in_both_languages(action: str) -> None:
    english = action_text(action)
    with translation.override("it"):
        assert action_text(action) not in {english, action}
    assert "." not in english
    assert english[0].isupper()


@pytest.mark.parametrize("field", sorted(RULES | RIGHTS | PROFILE))
def test_a_field_of_a_form_has_words(field: str) -> None:
    assert field_word(field) != field.replace("_", " ")


@pytest.mark.parametrize("via", ["page", "live", "api", "command", "system"])
def test_every_door_has_words(via: str) -> None:
    assert via_text(via) != via


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("replicas_wished", 2, "2"),
        ("memory_budget_bytes", 3 << 30, "3.0 GiB"),
        ("metrics_days", 1, "1 day"),
        ("scopes", ["read", "operate"], "look, operate"),
        ("role", "admin", "Admin"),
        ("scheduling", "cordoned", "Cordoned"),
        ("wish", "stopped", "stopped"),
        ("is_active", False, "no"),
        ("display_name", "", "–"),  # noqa: RUF001 (an en dash is meant)
        ("labels", {"site": "shop"}, "site: shop"),
        (
            "scope",
            {"every_model": False, "deployments": ["a", "b"]},
            "Every model: no, Deployments: 2",
        ),
        ("name", "evil\x00{x}", "evil {x}"),
    ],
)
def test_a_value_reads_as_people_write_it(field: str, value: object, text: str) -> None:
    assert change_text(field, value) == text


def test_nothing_of_python_is_shown() -> None:
    shown = change_text("connection", {"address": ["10.0.0.5", 1], "plain": True, "none": None})
    assert shown == "address: 10.0.0.5, 1, plain: yes"
