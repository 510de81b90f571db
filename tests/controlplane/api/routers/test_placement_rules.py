"""Where a deployment may run, as scripts ask for it: each rule kept as it came, or refused."""

from typing import Any

import pytest

from models_app.models import Deployment, User
from tests import factories
from tests.controlplane.api.callers import caller_of

RULES = {
    "site": {"in": ["rome", "milan"]},
    "gpu": {"not_in": ["none"]},
    "rack": {"exists": False},
    "runtime": "docker",
}


def ask(bob: User, selector: Any) -> int:
    factories.make_engine()
    artifact = factories.make_artifact()
    body = {
        "name": "chat",
        "artifact": str(artifact.public_id),
        "placement": {"selector": selector},
    }
    return caller_of(bob).post("/deployments", body, Idempotency_Key="one").status_code


def test_rules_are_kept_as_they_came(bob: User) -> None:
    assert ask(bob, RULES) == 202
    assert Deployment.objects.get().revision.placement == {"selector": RULES}
    (read,) = caller_of(bob).get("/deployments/chat/revisions")["items"]
    assert read["placement"] == {"selector": RULES}


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"in": []},
        {"in": "rome"},
        {"in": ["rome"], "exists": True},
        {"like": "r%"},
        {"is_in": ["rome"]},
        {"exists": None},
        ["rome"],
        "",
        7,
    ],
)
def test_what_is_no_rule_is_refused(bob: User, rule: Any) -> None:
    assert ask(bob, {"site": rule}) == 422
    assert not Deployment.objects.exists()
