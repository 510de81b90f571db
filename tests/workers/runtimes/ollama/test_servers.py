"""Two real servers beside each other are not mistaken for one; a real model makes embeddings."""

from pathlib import Path

import httpx
import pytest

from tests.ollama_server import OllamaHouse
from tests.smollm2 import smollm2_artifact
from tests.workloads import eventually, open_ollama_runtime

pytestmark = pytest.mark.slow

MODEL = "smollm2:135m"


def test_two_servers_are_kept_apart(tmp_path: Path) -> None:
    artifact = smollm2_artifact(tmp_path / "models")
    with (
        OllamaHouse(tmp_path / "one") as one,
        OllamaHouse(tmp_path / "two") as two,
        open_ollama_runtime(one, tmp_path) as first,
        open_ollama_runtime(two, tmp_path) as second,
    ):
        eventually(lambda: first.ensure_artifact(artifact, seconds=5).finished, seconds=60)
        assert first.server.has_blob(artifact.sha256)
        assert not second.server.has_blob(artifact.sha256)
        assert two.names() == []
        eventually(lambda: second.ensure_artifact(artifact, seconds=5).finished, seconds=60)
        first.remove_artifact(artifact)
        assert one.names() == []
        assert len(two.names()) == 1
        assert second.ensure_artifact(artifact, seconds=0).finished


def test_a_real_model_makes_embeddings(tmp_path: Path) -> None:
    with OllamaHouse(tmp_path / "ollama") as house:
        house.make(MODEL, smollm2_artifact(tmp_path / "models"))
        body = {"model": MODEL, "input": ["the sea", "the sea", "a tax form"]}
        answer = httpx.post(f"{house.url}/v1/embeddings", json=body, timeout=120)
        rows = [row["embedding"] for row in answer.raise_for_status().json()["data"]]
        assert [len(row) for row in rows] == [576] * 3
        assert rows[0] == pytest.approx(rows[1], abs=1e-3)
        assert rows[0] != pytest.approx(rows[2], abs=1e-2)
