"""`docker compose up`: PostgreSQL, a broker of its own, gateways by number; nothing is lost."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.compose.stack import Stack, build_images
from tests.docker_engine import DockerEngine
from tests.flows.house import wait_for
from tests.requirements import need

pytestmark = [pytest.mark.slow]
READY_S = 180.0
MEMBERS = """
from models_app.domain.actors import Actor
from models_app.domain.states import Role
from models_app.models import User
from models_app.services.gateway_keys import KeyScope, gateway_key_create
from models_app.services.tokens import token_create
User.objects.filter(role="admin").update(is_set_up=True)
admin = User.objects.get(role="admin")
actor = Actor(user_id=admin.pk, name=admin.name, role=Role.ADMIN, via="command")
print(token_create(actor, name="script", scopes=["operate"])[1])
print(gateway_key_create(actor, name="program", scope=KeyScope(deployments=["smollm2"]))[1])
"""


@pytest.fixture
def stack(
    docker_engine: DockerEngine,
    docker_machine: DockerEngine,
    tmp_path: Path,
) -> Iterator[Stack]:
    need("compose")
    build_images(docker_engine, tmp_path, to=docker_machine)
    made = Stack(docker_machine, tmp_path)
    try:
        yield made
    finally:
        made.compose("--profile", "gateway", "down", "--volumes", "--timeout", "5", check=False)


def test_up_answers_and_comes_back_as_it_was(stack: Stack, tmp_path: Path) -> None:
    told = stack.compose("config", check=False, SLIPWAY_DATABASE_PASSWORD="")
    assert told.returncode != 0
    assert "choose one in compose/.env" in told.stderr

    stack.compose("up", "--detach", "--wait", "--no-build")
    token, key = stack.manage("shell", "--no-imports", "-c", MEMBERS).splitlines()[-2:]
    _until_ready(stack, token)

    gateways = ("--profile", "gateway", "up", "--detach", "--no-build", "--scale", "gateway=2")
    stack.compose(*gateways)
    _until_chats(stack, key)
    _check_hardened(stack)

    stack.compose("--profile", "gateway", "down", "--timeout", "20")
    stack.compose("up", "--detach", "--wait", "--no-build")
    _until_ready(stack, token)

    _back_up_and_restore(stack, tmp_path)
    _until_ready(stack, token)


def _back_up_and_restore(stack: Stack, folder: Path) -> None:
    """As docs/compose.md says: the token of before is known again, so both halves are there."""
    dump = ("pg_dump", "--username=slipway", "--format=custom", "slipway")
    stack.piped(folder / "slipway.dump", "exec", "-T", "database", *dump)
    pack = ("tar", "--create", "--directory", "/data", "secrets")
    stack.piped(folder / "secrets.tar", "exec", "-T", "slipway", *pack)
    stack.compose("down", "--volumes", "--timeout", "20")
    stack.compose("up", "--detach", "--wait", "--no-build")
    stack.compose("stop", "slipway")
    restore = ("pg_restore", "--username=slipway", "--dbname=slipway", "--clean")
    stack.piped(folder / "slipway.dump", "exec", "-T", "database", *restore, is_input=True)
    alone = ("run", "--rm", "-T", "--no-deps", "--entrypoint", "tar", "slipway")
    unpack = ("--extract", "--directory", "/data")
    stack.piped(folder / "secrets.tar", *alone, *unpack, is_input=True)
    stack.compose("up", "--detach", "--wait", "--no-build")


def _until_ready(stack: Stack, token: str) -> None:
    """The model of the first start runs; only the database of before knows the token."""

    def is_ready() -> bool:
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.get(f"{stack.front}/api/v1/deployments", headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        return [one["replicas_ready"] for one in answer.json()["items"]] == [1]

    wait_for(is_ready, READY_S, lambda: stack.compose("logs", "slipway").stdout[-3000:])


def _until_chats(stack: Stack, key: str) -> None:
    """A program is answered by the gateways alone: each connection may meet another of the two."""
    body = {"model": "smollm2", "max_tokens": 4, "messages": [{"role": "user", "content": "Hi"}]}

    def answers() -> bool:
        try:
            answer = httpx.post(
                f"{stack.gateway}/v1/chat/completions",
                json=body,
                headers={"Authorization": f"Bearer {key}"},
                timeout=60,
            )
        except httpx.TransportError:
            return False
        return answer.status_code == 200 and answer.json()["usage"]["completion_tokens"] == 4

    wait_for(answers, READY_S, lambda: stack.compose("logs", "gateway").stdout[-3000:])
    assert all(answers() for _ in range(6))


def _check_hardened(stack: Stack) -> None:
    """Nobody has rights it does not need, and only the two doors are published, as was wished."""
    found = json.loads(stack.engine.docker("inspect", *stack.containers()))
    assert len(found) == 5
    for one in found:
        host = one["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert not host["Privileged"]
        published = [
            place["HostIp"] for places in host["PortBindings"].values() for place in places
        ]
        is_front = one["Config"]["Labels"]["com.docker.compose.service"] == "slipway"
        assert published == ([stack.engine.address] * 2 if is_front else [])
