"""Every filter of every list shows what it names and nothing else, and pages come to an end."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from models_app.domain.states import OperationState, ReplicaState, Role
from models_app.models import AuditEntry, CapturedRequest, Chat, User
from models_app.services.tokens import token_create
from models_app.services.usage import usage_record_many
from tests import factories
from tests.controlplane.api.callers import Caller
from tests.controlplane.api.described import operations
from tests.factories import actor_of

LISTS = [one for one in operations() if "cursor" in one.queries]
EACH = 5
NOW = timezone.now()
LONG_AGO, FAR_OFF = "2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"

# (list, what of a row names it, query, the names that are shown)
FILTERS: tuple[tuple[str, str, dict[str, str], set[str]], ...] = (
    ("/hosts", "name", {"state": "unreachable"}, {"attic"}),
    ("/hosts", "name", {"scheduling": "cordoned"}, {"attic"}),
    ("/hosts", "name", {"search": "TTI"}, {"attic"}),
    ("/hosts", "name", {"label": "site=rome"}, {"attic"}),
    ("/hosts", "name", {"label": "site=rom"}, set()),
    ("/hosts/lan/models", "name", {"search": "tin"}, {"tiny:1"}),
    ("/hosts/lan/models", "name", {"loaded": "true"}, {"big:1"}),
    ("/hosts/lan/models", "name", {"with_ours": "true"}, {"tiny:1", "big:1", "slipway-ours:1"}),
    ("/models", "name", {"search": "smol"}, {"smollm"}),
    ("/models", "name", {"tier": "small"}, {"gemma"}),
    ("/models", "name", {"family": "gemma3"}, {"gemma"}),
    ("/artifacts", "file_name", {"model": "smollm"}, {"smol.gguf"}),
    ("/artifacts", "file_name", {"state": "corrupt"}, {"gemma.gguf"}),
    ("/artifacts", "file_name", {"format": "safetensors"}, {"gemma.gguf"}),
    ("/placements", "file_name", {"artifact": "{smol}"}, {"smol.gguf"}),
    ("/placements", "file_name", {"model": "gemma"}, {"gemma.gguf"}),
    ("/placements", "file_name", {"host": "attic"}, {"gemma.gguf"}),
    ("/placements", "file_name", {"state": "placing"}, {"gemma.gguf"}),
    ("/deployments", "name", {"state": "stopped"}, {"idle"}),
    ("/deployments", "name", {"host": "shop"}, {"chat"}),
    ("/deployments", "name", {"search": "IDL"}, {"idle"}),
    ("/replicas", "workload", {"deployment": "chat"}, {"w-ready"}),
    ("/replicas", "workload", {"host": "attic"}, {"w-failed"}),
    ("/replicas", "workload", {"state": "failed"}, {"w-failed"}),
    ("/replicas", "workload", {"retired": "true"}, {"w-ready", "w-failed", "w-gone"}),
    ("/operations", "title", {"state": "failed"}, {"verify smol"}),
    ("/operations", "title", {"unfinished": "true"}, {"import gemma"}),
    ("/operations", "title", {"kind": "verify"}, {"verify smol"}),
    ("/operations", "title", {"model": "gemma"}, {"import gemma"}),
    ("/operations", "title", {"host": "attic"}, {"verify smol"}),
    ("/operations", "title", {"search": "GEMMA"}, {"import gemma"}),
    ("/events", "code", {"deployment": "chat"}, {"deployment.created", "replica.ready"}),
    ("/events", "code", {"host": "attic"}, {"host.unreachable"}),
    ("/events", "code", {"subject": "{attic}"}, {"host.unreachable"}),
    ("/events", "code", {"level": "bad"}, {"host.unreachable"}),
    ("/events", "code", {"code": "replica."}, {"replica.ready"}),
    ("/tokens", "name", {"everybodys": "true"}, {"tests", "spare", "theirs"}),
    ("/gateway-keys", "name", {"everybodys": "true"}, {"till", "kiosk"}),
    ("/gateway-keys", "name", {"revoked": "true"}, {"old"}),
    ("/gateway-keys", "name", {"search": "TIL"}, {"till"}),
    ("/usage/requests", "status", {"key": "{key}"}, {"ok"}),
    ("/usage/requests", "status", {"deployment": "idle"}, {"cancelled"}),
    ("/usage/requests", "status", {"host": "shop"}, {"ok"}),
    ("/usage/requests", "status", {"status": "cancelled"}, {"cancelled"}),
    ("/usage/requests", "status", {"since": FAR_OFF}, set()),
    ("/usage/requests", "status", {"until": LONG_AGO}, set()),
    ("/users", "name", {"role": "operator"}, {"bob"}),
    ("/users", "name", {"search": "BO"}, {"bob"}),
    ("/audit", "action", {"by": "bob"}, {"host.cordoned", "token.create"}),
    ("/audit", "action", {"action": "host."}, {"host.cordoned", "host.add"}),
    ("/audit", "action", {"subject": "{attic}"}, {"host.cordoned"}),
    ("/audit", "action", {"since": FAR_OFF}, set()),
)


@pytest.fixture
def ids(alice: User, bob: User) -> dict[str, str]:
    """Make two of everything that differ in all that can be asked for."""
    shop = factories.make_host("shop")
    attic = factories.make_host(
        "attic", state="unreachable", scheduling="cordoned", labels={"site": "rome"}
    )
    lan = factories.make_host("lan", runtime="ollama")
    factories.make_host_model(lan, "tiny:1")
    factories.make_host_model(lan, "big:1", loaded_bytes=1, loaded_until=NOW + timedelta(days=1))
    factories.make_host_model(lan, "slipway-ours:1")
    smol = factories.make_artifact(factories.make_model("smollm"), file_name="smol.gguf")
    gemma = factories.make_artifact(
        factories.make_model("gemma", tier="small", family="gemma3"),
        file_name="gemma.gguf",
        state="corrupt",
        format="safetensors",
    )
    factories.make_placement(smol, shop)
    factories.make_placement(gemma, attic, state="placing")
    chat = factories.make_deployment("chat", artifact=smol)
    idle = factories.make_deployment("idle", artifact=smol, state="stopped")
    ready = factories.make_replica(chat, shop, workload="w-ready")
    factories.make_replica(idle, attic, workload="w-failed", state=ReplicaState.FAILED)
    factories.make_replica(idle, lan, workload="w-gone", state=ReplicaState.RETIRED, index=1)
    factories.make_operation(title="import gemma", model=gemma.model)
    failed = OperationState.FAILED
    factories.make_operation("verify", title="verify smol", state=failed, host=attic)
    for row, code, level in (
        (chat, "deployment.created", "info"),
        (ready, "replica.ready", "good"),
        (attic, "host.unreachable", "bad"),
    ):
        factories.make_event(row, code, level=level)
    return (
        _of_people(alice, bob, chat, idle, ready)
        | _audited(alice, bob, shop, attic)
        | {"smol": str(smol.sha256)}
    )


def _of_people(alice: User, bob: User, chat: Any, idle: Any, ready: Any) -> dict[str, str]:
    token_create(actor_of(alice), name="spare", scopes=["read"])
    token_create(actor_of(bob), name="theirs", scopes=["read"])
    key = factories.make_gateway_key(alice, [chat])
    factories.make_gateway_key(alice, [chat], name="old", revoked_at=NOW)
    factories.make_gateway_key(bob, [chat], name="kiosk")
    good = factories.usage_record(chat, replica_id=ready.pk, key_id=key.pk)
    usage_record_many([good, factories.usage_record(idle, status="cancelled")])
    return {"key": key.key_id}


def _audited(alice: User, bob: User, shop: Any, attic: Any) -> dict[str, str]:
    for user, action, host in ((bob, "host.cordoned", attic), (alice, "host.add", shop)):
        AuditEntry.objects.create(
            actor=user, actor_name=user.name, via="page", action=action, subject_id=host.public_id
        )
    return {"attic": str(attic.public_id)}


def test_the_table_has_every_filter() -> None:
    asked = {(path.replace("lan", "*"), name) for path, _, query, _ in FILTERS for name in query}
    paged = {"cursor", "limit"}
    real = {
        (one.route.path.replace("{ollama_host}", "*"), name)
        for one in LISTS
        for name in one.queries - paged
    }
    assert real <= asked


@pytest.mark.parametrize(
    ("path", "field", "query", "names"),
    FILTERS,
    ids=[f"{path}?{urlencode(query)}"[:60] for path, _, query, _ in FILTERS],
)
def test_a_filter_shows_what_it_names(
    admin: Caller,
    ids: dict[str, str],
    path: str,
    field: str,
    query: dict[str, str],
    names: set[str],
) -> None:
    filled = {name: value.format(**ids) for name, value in query.items()}
    assert {row[field] for row in admin.get(f"{path}?{urlencode(filled)}")["items"]} == names


@pytest.mark.parametrize(
    "query",
    ["state=x", "unfinished=maybe", "model=nothing", "limit=0", "limit=201", "limit=x", "stat=a"],
)
def test_a_filter_that_makes_no_sense_is_refused(viewer: Caller, query: str) -> None:
    response = viewer.call("GET", f"/operations?{query}")
    assert response.status_code == (404 if query == "model=nothing" else 422)


def make_many(user: User) -> dict[str, str]:
    """Make several of everything that is listed; return what the lists' addresses name."""
    host = factories.make_host("lan", runtime="ollama")
    deployment = factories.make_deployment()
    alias = factories.make_alias("a-first", deployment)
    for number in range(EACH):
        replica = factories.make_replica()
        factories.make_host_model(host, f"m{number}:1")
        factories.make_placement(replica.revision.artifact, replica.host)
        factories.make_operation()
        factories.make_event(replica, "replica.ready")
        factories.make_revision(deployment)
        factories.make_alias(f"alias-{number}", deployment)
        alias.versions.create(number=number + 2, targets=[])
        factories.make_user(role=Role.VIEWER)
        factories.make_gateway_key(user, [deployment])
        token_create(actor_of(user), name=f"t{number}", scopes=["read"])
        CapturedRequest.objects.create(
            deployment=deployment, at=NOW, delete_at=NOW + timedelta(days=1)
        )
        Chat.objects.create(user=user, title=f"c{number}", content={})
        usage_record_many([factories.usage_record(deployment, user_id=user.pk)])
    return {
        "ollama_host": host.name,
        "deployment": deployment.name,
        "alias": alias.name,
    }


@pytest.mark.parametrize("one", LISTS, ids=lambda one: one.name)
def test_pages_hold_every_row_once_and_come_to_an_end(admin: Caller, one: Any) -> None:
    path = one.route.path.format(**make_many(admin.user))
    whole = admin.get(f"{path}?limit=200")
    assert whole["next_cursor"] is None
    assert len(whole["items"]) >= EACH
    rows: list[Any] = []
    cursor: str | None = ""
    for _ in whole["items"]:
        page = admin.get(f"{path}?limit=2&cursor={cursor}")
        rows += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert cursor is None
    assert rows == whole["items"]
