"""A server behind TLS and a credential: reached by those who may, with its certificate pinned."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controlplane.gateway.errors import EngineRefusedError, EngineUnreachableError
from controlplane.gateway.http_pool import HttpPool
from controlplane.gateway.patience import Patience, Timeouts
from controlplane.gateway.upstream import open_answer
from models_app.domain.doors import Door, place_of
from models_app.domain.failures import FailureCode, FailureError
from models_app.domain.routes import ReplicaRoute
from tests.guarded_server import GuardedServer
from tests.ollama_server import OllamaHouse
from tests.smollm2 import smollm2_artifact
from tests.workloads import INSTANCE, eventually
from workers.clients.engine_http import Health, ask_for_one_token, ask_health
from workers.runtimes.ollama.runtime import OllamaRuntime

pytestmark = pytest.mark.slow
SECRET = {"bearer": "let-me-in"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[OllamaHouse]:
    with OllamaHouse(tmp_path / "ollama") as made:
        yield made


@pytest.fixture
def guard(house: OllamaHouse, tmp_path: Path) -> Iterator[GuardedServer]:
    with GuardedServer(tmp_path / "guard", house.url, "Bearer let-me-in") as made:
        yield made


def runtime_of(guard: GuardedServer, root: Path, **given: Any) -> OllamaRuntime:
    wanted: dict[str, Any] = {
        "connection": {"url": guard.url},
        "secret": SECRET,
        "identity": {"certificate_sha256": guard.certificate_sha256},
    }
    return OllamaRuntime(
        workloads=root / "workloads",
        models=root / "models",
        instance=INSTANCE,
        **{**wanted, **given},
    )


def test_first_contact_tells_the_certificate_and_a_changed_one_stops_everything(
    guard: GuardedServer, tmp_path: Path
) -> None:
    with runtime_of(guard, tmp_path, identity={}) as runtime:
        shown = runtime.facts().identity
    assert shown == {"certificate_sha256": guard.certificate_sha256}
    before = guard.passed
    with pytest.raises(FailureError) as changed:
        runtime_of(guard, tmp_path, identity={"certificate_sha256": "ab" * 32}).__enter__()
    assert changed.value.failure.code == FailureCode.IDENTITY_CHANGED
    assert (guard.passed, guard.refused) == (before, 0)  # nothing was sent


def test_a_wrong_credential_is_refused_in_words(guard: GuardedServer, tmp_path: Path) -> None:
    for secret in ({}, {"bearer": "guess"}, {"username": "a", "password": "b"}):
        with runtime_of(guard, tmp_path, secret=secret) as runtime:
            with pytest.raises(FailureError) as refused:
                runtime.facts()
            assert refused.value.failure.code == FailureCode.CREDENTIAL_REFUSED
            assert "guess" not in repr(runtime.access)


def test_a_credential_that_nobody_asks_for_is_warned_of(
    guard: GuardedServer, house: OllamaHouse, tmp_path: Path
) -> None:
    with runtime_of(guard, tmp_path) as runtime:
        assert runtime.advice() == ()
        assert guard.refused == 1  # it was asked without the credential, once
        runtime.facts()
        assert guard.refused == 1  # and not at every look: proxies shut out who is refused often
    bare = {"connection": house.connection, "identity": {}}
    with runtime_of(guard, tmp_path, **bare) as runtime:
        assert runtime.advice() == ("NO_AUTHENTICATION",)
    with runtime_of(guard, tmp_path, **bare, secret={}) as runtime:
        assert runtime.advice() == ()  # nobody was told that it is guarded


async def test_probes_and_the_gateway_get_in(
    guard: GuardedServer, house: OllamaHouse, tmp_path: Path
) -> None:
    house.make("tiny:1", smollm2_artifact(tmp_path / "models"))
    with runtime_of(guard, tmp_path) as runtime:
        entry = runtime.entry()
        assert [model.name for model in runtime.hosted_models()] == ["tiny:1"]
    assert ask_health(guard.url, "/api/version", timeout_s=5).health == Health.SILENT
    assert ask_health(guard.url, "/api/version", timeout_s=5, entry=entry).health == Health.OK
    body = {"model": "tiny:1", "prompt": "1 2 3", "max_tokens": 1}
    answer = ask_for_one_token(guard.url, "/v1/completions", body, entry)
    assert answer.health == Health.OK, answer

    door = Door("Bearer let-me-in", guard.certificate_sha256)
    replica = ReplicaRoute("r", 1, 0, "w", "lan", guard.url, 1, "tiny:1", door)
    assert "let-me-in" not in repr(replica)
    assert await status_of(replica, body) == 200
    passed, refused = guard.passed, guard.refused
    with pytest.raises(EngineUnreachableError):  # another certificate: nothing is sent
        await status_of(replace(replica, door=Door("Bearer let-me-in", "ab" * 32)), body)
    assert (guard.passed, guard.refused) == (passed, refused)
    with pytest.raises(EngineRefusedError):
        await status_of(replace(replica, door=Door("", guard.certificate_sha256)), body)


async def status_of(replica: ReplicaRoute, body: dict[str, object]) -> int:
    pool = HttpPool()
    try:
        answer = await open_answer(
            pool,
            replica,
            path="/v1/completions",
            body=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
            patience=Patience(Timeouts()),
        )
        async with answer:
            return answer.status
    finally:
        pool.close()


def test_a_file_reaches_it(guard: GuardedServer, tmp_path: Path) -> None:
    artifact = smollm2_artifact(tmp_path / "models")
    with runtime_of(guard, tmp_path) as runtime:
        eventually(lambda: runtime.ensure_artifact(artifact, seconds=1).finished, seconds=60)


def test_addresses_come_apart() -> None:
    plain = place_of("10.0.0.7:11434")
    assert (plain.host, plain.port, plain.netloc, plain.base) == (
        "10.0.0.7", 11434, "10.0.0.7:11434", "",
    )  # fmt: skip
    assert not plain.encrypted
    proxied = place_of("https://lan.example/ollama/")
    assert (proxied.port, proxied.base, proxied.encrypted) == (443, "/ollama", True)
    assert place_of("[fd00::1]:80").host == "fd00::1"
