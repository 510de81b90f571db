"""Keys, aliases, limits and usage as scripts see them."""

import csv
import io

from models_app.domain.states import Role
from models_app.models import GatewayKey, User
from models_app.selectors.routes import routes
from models_app.services.usage import usage_record_many
from tests.controlplane.api.callers import caller_of
from tests.factories import make_alias, make_deployment, make_gateway_key, make_user, usage_record


def test_a_key_is_shown_once(bob: User) -> None:
    make_deployment("chat")
    caller = caller_of(bob)
    body = {"name": "till", "scope": {"deployments": ["chat"], "routes": ["chat"]}}
    response = caller.post("/gateway-keys", body, Idempotency_Key="one")
    made = response.json()
    assert made["key"].startswith(f"slip_{made['key_id']}_")
    assert made["scope"] == {
        "every_model": False,
        "deployments": ["chat"],
        "aliases": [],
        "routes": ["chat"],
    }
    assert (made["standing"], made["owner"]) == ("good", "bob")
    assert made["limits"]["requests_per_minute"] == 60
    read = caller.get(f"/gateway-keys/{made['key_id']}")
    assert "key" not in read
    assert read == {name: value for name, value in made.items() if name != "key"}


def test_a_gateway_key_opens_nothing_of_the_api(bob: User) -> None:
    make_deployment("chat")
    made = (
        caller_of(bob)
        .post("/gateway-keys", {"name": "t", "scope": {"deployments": ["chat"]}})
        .json()
    )
    caller = caller_of(bob)
    for path in ("/me", "/gateway-keys", "/usage"):
        answer = caller.call("GET", path, Authorization=f"Bearer {made['key']}")
        assert answer.status_code == 401


def test_no_limit_is_said_by_null(bob: User) -> None:
    make_deployment("chat")
    body = {
        "name": "t",
        "scope": {"deployments": ["chat"]},
        "limits": {"requests_per_minute": None, "tokens_per_day": 9},
    }
    limits = caller_of(bob).post("/gateway-keys", body).json()["limits"]
    assert limits == {
        "requests_per_minute": None,
        "tokens_per_minute": 100_000,
        "tokens_per_day": 9,
        "concurrent_requests": 8,
        "max_tokens_per_request": None,
    }


def test_a_revoked_key_is_listed_apart(bob: User) -> None:
    key = make_gateway_key(bob, [make_deployment()])
    caller = caller_of(bob)
    assert [row["key_id"] for row in caller.get("/gateway-keys")["items"]] == [key.key_id]
    assert caller.call("DELETE", f"/gateway-keys/{key.key_id}").status_code == 204
    assert caller.get("/gateway-keys")["items"] == []
    revoked = caller.get("/gateway-keys?revoked=true")["items"]
    assert [row["standing"] for row in revoked] == ["revoked"]


def test_lists_ask_the_database_no_more_for_more_rows(
    bob: User, django_assert_max_num_queries
) -> None:
    deployment = make_deployment()
    for number in range(20):
        make_gateway_key(bob, [deployment])
        make_alias(f"alias-{number}", deployment)
    caller = caller_of(bob)
    with django_assert_max_num_queries(8):
        assert len(caller.get("/gateway-keys")["items"]) == 20
    with django_assert_max_num_queries(8):
        assert len(caller.get("/aliases")["items"]) == 20


def test_an_alias_is_versioned(bob: User) -> None:
    for name in ("one", "two"):
        make_deployment(name)
    caller = caller_of(bob)
    body = {"name": "support", "targets": [{"deployment": "one", "weight": 3}]}
    made = caller.post("/aliases", body).json()
    edited = caller.call(
        "PUT",
        "/aliases/support",
        {
            "version": made["version"],
            "targets": [{"deployment": "one"}, {"deployment": "two"}],
            "comment": "half each",
        },
    ).json()
    assert [t["weight"] for t in edited["current"]["targets"]] == [1, 1]
    stale = caller.call("PUT", "/aliases/support", {"version": 1, "targets": body["targets"]})
    assert stale.json()["code"] == "STALE"
    back = caller.post("/aliases/support/roll-back", {"number": 1}).json()
    assert back["current"]["targets"] == [{"deployment": "one", "weight": 3}]
    versions = caller.get("/aliases/support/versions")["items"]
    assert [(v["number"], v["comment"], v["created_by"]) for v in versions] == [
        (2, "half each", "bob"),
        (1, "", "bob"),
    ]


def test_limits_of_a_deployment_reach_the_routing_table(bob: User) -> None:
    make_deployment("chat")
    body = {"limits": {"concurrent_requests": 2}, "timeouts": {"idle_s": 5, "connect_s": 0.5}}
    answer = caller_of(bob).call("PUT", "/deployments/chat/gateway", body)
    assert answer.json()["timeouts"] == {"connect_s": 0.5, "first_token_s": 60.0, "idle_s": 5.0}
    (route,) = routes()
    assert route.limits.concurrent_requests == 2
    assert (route.timeouts.idle_s, route.timeouts.first_token_s) == (5, 60.0)
    wrong = caller_of(bob).call("PUT", "/deployments/chat/gateway", {"timeouts": {"idle_s": 0}})
    assert wrong.json()["fields"] == {
        "timeouts.idle_s": {"code": "VALUE_OUT_OF_RANGE", "detail": "This is out of its range."}
    }


def usage_of(user: User, name: str = "chat") -> GatewayKey:
    deployment = make_deployment(name)
    key = make_gateway_key(user, [deployment], name="=cmd()")
    usage_record_many(
        [usage_record(deployment, key_id=key.pk), usage_record(deployment, status="cancelled")]
    )
    return key


def test_usage_has_sums_groups_and_series(alice: User) -> None:
    key = usage_of(alice)
    told = caller_of(alice).get(f"/usage?range=1h&by=key&key={key.key_id}")
    assert told["totals"]["requests"] == 1
    assert [(g["ref"], g["prompt_tokens"]) for g in told["groups"]] == [(key.key_id, 10)]
    assert sum(told["series"]["values"]["requests"]) == 1
    every = caller_of(alice).get("/usage?range=7d&by=deployment")
    assert (every["totals"]["requests"], every["totals"]["cancelled"]) == (2, 1)
    assert every["groups"][0]["name"] == "chat"


def test_requests_are_their_owners_to_see(alice: User, bob: User) -> None:
    usage_of(alice)
    assert caller_of(bob).get("/usage/requests")["items"] == []
    rows = caller_of(alice).get("/usage/requests?status=ok")["items"]
    assert [(r["deployment"], r["cancelled"], r["route"]) for r in rows] == [
        ("chat", False, "chat")
    ]
    stranger = caller_of(make_user("dora", Role.OPERATOR))
    key = GatewayKey.objects.get()
    assert stranger.call("GET", f"/usage?key={key.key_id}").status_code == 404


def test_the_export_is_a_table_that_no_spreadsheet_runs(alice: User) -> None:
    key = usage_of(alice)
    answer = caller_of(alice).call("GET", "/usage/export")
    text = b"".join(answer.streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["status"] for row in rows] == ["cancelled", "ok"]
    assert (rows[1]["key_id"], rows[1]["key"]) == (key.key_id, "'=cmd()")
    assert rows[1]["first_token_ms"] == "100.0"
    assert answer["Content-Disposition"].startswith("attachment")
