"""Every operation of the API as a test calls it: who may, with which body, what must come back.

`{host}` and the like are filled from the rows of `make_world`. A test asserts that this table and
the API's own have the same operations, so that nobody adds one without saying who may call it.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from models_app.domain.states import HostState, OperationState, Role
from models_app.domain.uploads import UploadFolder
from models_app.models import Chat, Host, User
from models_app.services.captures import capture_start
from models_app.services.tokens import token_create
from models_app.services.usage import usage_record_many
from tests import factories
from tests.factories import actor_of, make_user

V, O, A = Role.VIEWER, Role.OPERATOR, Role.ADMIN  # noqa: E741 - a table


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: `role` is the least that may call it."""

    method: str
    path: str
    role: Role
    status: int
    body: Any = None
    refused: int = 403  # 404 where others may not know that it exists

    @property
    def name(self) -> str:
        """For the test's id."""
        return f"{self.method} {self.path}"


NEW_PASSWORD = "another pass phrase"
ROUTES = (
    Route("GET", "/me", V, 200),
    Route("PATCH", "/me", V, 200, {"theme": "dark"}),
    Route(
        "POST",
        "/me/password",
        V,
        204,
        {"current": factories.PASSWORD, "new": NEW_PASSWORD},
    ),
    Route("GET", "/settings", A, 200),
    Route("PATCH", "/settings", A, 200, {"metrics_days": 14}),
    Route("GET", "/hosts", V, 200),
    Route("POST", "/hosts", A, 201, {"name": "attic"}),
    Route("POST", "/hosts/import", A, 200, {"hosts": [{"name": "x", "runtime": "docker"}]}),
    Route("POST", "/hosts/test", A, 202, {"runtime": "docker"}),
    Route("GET", "/hosts/{host}", V, 200),
    Route("PATCH", "/hosts/{host}", A, 200, {"labels": {"site": "rome"}}),
    Route("DELETE", "/hosts/{free_host}", A, 202),
    Route("POST", "/hosts/{host}/cordon", O, 200),
    Route("POST", "/hosts/{host}/uncordon", O, 200),
    Route("POST", "/hosts/{host}/drain", O, 202),
    Route("POST", "/hosts/{host}/check", O, 202),
    Route("POST", "/hosts/{changed_host}/identity", A, 200, {"shown": "AA:" * 31 + "AA"}),
    Route("GET", "/hosts/{host}/metrics", V, 200),
    Route("GET", "/hosts/{ollama_host}/models", V, 200),
    Route("GET", "/hosts/{ollama_host}/models/{host_model}", V, 200),
    Route("POST", "/hosts/{ollama_host}/models/pull", O, 202, {"name": "llama3.2:1b"}),
    Route(
        "POST",
        "/hosts/{ollama_host}/models/create",
        O,
        202,
        {"name": "mine", "base": "tiny:1", "variant": "code"},
    ),
    Route(
        "POST",
        "/hosts/{ollama_host}/models/push",
        O,
        202,
        {"name": "mine", "artifact": "{artifact}"},
    ),
    Route("POST", "/hosts/{ollama_host}/models/{host_model}/copy", O, 202, {"name": "mine"}),
    Route("POST", "/hosts/{ollama_host}/models/{host_model}/load", O, 202, {"keep_alive_s": -1}),
    Route("POST", "/hosts/{ollama_host}/models/{host_model}/unload", O, 202),
    Route("DELETE", "/hosts/{ollama_host}/models/{host_model}", O, 202),
    Route("GET", "/models", V, 200),
    Route(
        "POST",
        "/models",
        O,
        202,
        {"name": "new", "source": "url", "reference": {"url": "https://example.com/a.gguf"}},
    ),
    Route("GET", "/models/{model}", V, 200),
    Route("PATCH", "/models/{model}", O, 200, {"title": "Other"}),
    Route("DELETE", "/models/{free_model}", O, 202),
    Route("POST", "/uploads", O, 201, {"size_bytes": 10}),
    Route("GET", "/uploads/{upload}", O, 200),
    Route("PUT", "/uploads/{upload}", O, 200),
    Route("DELETE", "/uploads/{upload}", O, 204),
    Route("GET", "/artifacts", V, 200),
    Route("GET", "/artifacts/{artifact}", V, 200),
    Route("POST", "/artifacts/{artifact}/verify", O, 202),
    Route("DELETE", "/artifacts/{free_artifact}", O, 202),
    Route("GET", "/placements", V, 200),
    Route("POST", "/placements", O, 202, {"artifact": "{free_artifact}", "host": "{host}"}),
    Route("GET", "/placements/{placement}", V, 200),
    Route("PATCH", "/placements/{placement}", O, 200, {"is_pinned": True}),
    Route("DELETE", "/placements/{free_placement}", O, 202),
    Route("GET", "/engines", V, 200),
    Route("GET", "/engines/llamacpp", V, 200),
    Route("POST", "/fits", V, 200, {"artifact": "{artifact}"}),
    Route("GET", "/deployments", V, 200),
    Route("POST", "/deployments", O, 202, {"name": "second", "artifact": "{artifact}"}),
    Route("GET", "/deployments/{deployment}", V, 200),
    Route("DELETE", "/deployments/{deployment}", O, 202),
    Route("POST", "/deployments/{deployment}/scale", O, 202, {"replicas": 2}),
    Route("POST", "/deployments/{deployment}/stop", O, 202),
    Route("POST", "/deployments/{deployment}/start", O, 202),
    Route("POST", "/deployments/{deployment}/retry", O, 202),
    Route("GET", "/deployments/{deployment}/metrics", V, 200),
    Route("GET", "/deployments/{deployment}/revisions", V, 200),
    Route(
        "POST",
        "/deployments/{deployment}/revisions",
        O,
        202,
        {"parameters": {"context_length": 2048}},
    ),
    Route("GET", "/deployments/{deployment}/revisions/1", V, 200),
    Route("POST", "/deployments/{deployment}/roll-back", O, 202, {"number": 1}),
    Route("GET", "/replicas", V, 200),
    Route("GET", "/replicas/{replica}", V, 200),
    Route("GET", "/replicas/{replica}/metrics", V, 200),
    Route("GET", "/replicas/{replica}/logs", V, 503),  # no broker here; test_replica_logs has one
    Route("GET", "/operations", V, 200),
    Route("GET", "/operations/{operation}", V, 200),
    Route("POST", "/operations/{operation}/cancel", O, 202),
    Route("POST", "/operations/{failed_operation}/retry", O, 202),
    Route("GET", "/events", V, 200),
    Route("POST", "/me/sign-out", V, 200),
    Route("GET", "/metrics", V, 200),
    Route("GET", "/chats", V, 200),
    Route("POST", "/chats", V, 201, {"title": "Ideas", "content": {}}),
    Route("GET", "/chats/{chat}", V, 200),
    Route("PATCH", "/chats/{chat}", V, 200, {"title": "Plans"}),
    Route("DELETE", "/chats/{chat}", V, 204),
    Route("GET", "/tokens", V, 200),
    Route("POST", "/tokens", V, 201, {"name": "t", "scopes": ["read"]}),
    Route("GET", "/tokens/{token}", V, 200),
    Route("DELETE", "/tokens/{token}", V, 204),
    Route("GET", "/gateway-keys", V, 200),
    Route(
        "POST",
        "/gateway-keys",
        O,
        201,
        {"name": "till", "scope": {"deployments": ["chat"]}},
    ),
    Route("GET", "/gateway-keys/{gateway_key}", V, 200),
    Route("PATCH", "/gateway-keys/{gateway_key}", O, 200, {"name": "till 2"}),
    Route("DELETE", "/gateway-keys/{gateway_key}", V, 204),
    Route("GET", "/aliases", V, 200),
    Route(
        "POST",
        "/aliases",
        O,
        201,
        {"name": "assistant", "targets": [{"deployment": "chat", "weight": 1}]},
    ),
    Route("GET", "/aliases/{alias}", V, 200),
    Route("PUT", "/aliases/{alias}", O, 200, {"targets": [{"deployment": "chat"}]}),
    Route("DELETE", "/aliases/{alias}", O, 204),
    Route("GET", "/aliases/{alias}/versions", V, 200),
    Route("POST", "/aliases/{alias}/roll-back", O, 200, {"number": 1}),
    Route("GET", "/usage", V, 200),
    Route("GET", "/usage/requests", V, 200),
    Route("GET", "/usage/export", V, 200),
    Route("GET", "/deployments/{deployment}/gateway", V, 200),
    Route(
        "PUT",
        "/deployments/{deployment}/gateway",
        O,
        200,
        {"limits": {"requests_per_minute": 600}, "timeouts": {"idle_s": 20}},
    ),
    Route("GET", "/deployments/{deployment}/capture", V, 200),
    Route("PUT", "/deployments/{deployment}/capture", A, 200, {"percent": 10}),
    Route("DELETE", "/deployments/{captured_deployment}/capture", A, 204),
    Route("GET", "/deployments/{deployment}/captured", A, 200),
    Route("DELETE", "/deployments/{deployment}/captured", A, 204),
    Route("GET", "/users", V, 200),
    Route("POST", "/users", A, 201, {"name": "dora", "role": "viewer"}),
    Route("GET", "/users/{me}", V, 200),
    Route("PATCH", "/users/{other}", A, 200, {"display_name": "Other"}, refused=404),
    Route("DELETE", "/users/{other}", A, 204, refused=404),
    Route("POST", "/users/{other}/sign-in-link", A, 201, refused=404),
    Route("POST", "/users/{me}/sign-out", V, 200),
    Route("GET", "/audit", A, 200),
)


def make_world(user: User) -> dict[str, str]:
    """Make one of everything; chat and token are the user's. Returns public ids by name."""
    factories.make_engine()
    host = factories.make_host("shop", runtime="docker")
    free_host = factories.make_host("cellar", runtime="docker")
    ollama_host = factories.make_host("lan", runtime="ollama")
    artifact = factories.make_artifact(factories.make_model("smollm"))
    free_artifact = factories.make_artifact(factories.make_model("unused"))
    free_model = factories.make_model("empty")
    deployment = factories.make_deployment("chat", artifact=artifact)
    captured = factories.make_deployment("captured", artifact=artifact)
    capture_start(
        actor_of(make_user("keeper", Role.ADMIN)), captured, percent=1, hours=1, keep_days=1
    )
    replica = factories.make_replica(deployment, host)
    factories.make_event(replica, "replica.ready")
    token, _ = token_create(actor_of(user), name="spare", scopes=["read"])
    usage_record_many([factories.usage_record(deployment, replica_id=replica.pk, user_id=user.pk)])
    rows: dict[str, Any] = {
        "gateway_key": factories.make_gateway_key(user, [deployment]),
        "alias": factories.make_alias("support", deployment),
        "me": user,
        "other": make_user("other"),
        "host": host,
        "free_host": free_host,
        "changed_host": _changed_host(),
        "ollama_host": ollama_host,
        "host_model": factories.make_host_model(ollama_host, "tiny:1"),
        "model": artifact.model,
        "free_model": free_model,
        "artifact": artifact,
        "free_artifact": free_artifact,
        "placement": factories.make_placement(artifact, host),
        "free_placement": factories.make_placement(free_artifact, free_host),
        "deployment": deployment,
        "captured_deployment": captured,
        "replica": replica,
        "operation": factories.make_operation(),
        "failed_operation": factories.make_operation(state=OperationState.FAILED),
        "chat": Chat.objects.create(user=user, title="Kept", content={"messages": []}),
        "token": token,
    }
    uploads = UploadFolder(settings.PATHS.uploads)
    upload = uploads.begin(user.pk, 10, limit_bytes=10)
    return {name: str(row.public_id) for name, row in rows.items()} | {"upload": upload.id}


def _changed_host() -> Host:
    """Make one that shows another identity than the one it was added with."""
    return factories.make_host(
        "loft",
        runtime="docker",
        state=HostState.FAILED,
        failure_code="IDENTITY_CHANGED",
        failure_params={"shown_identity": {"certificate_sha256": "aa" * 32}},
    )


def filled(value: Any, world: dict[str, str]) -> Any:
    """Return a path or body with its `{names}` filled."""
    if isinstance(value, str):
        return value.format(**world) if "{" in value else value
    if isinstance(value, dict):
        return {key: filled(part, world) for key, part in value.items()}
    return value
