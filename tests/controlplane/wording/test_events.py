"""Every event that the source tells has a sentence, and the figures in it are those it carries."""

import ast
import re
from collections.abc import Iterator

import pytest

from controlplane.wording.error_tables import SENTENCES as ERRORS
from controlplane.wording.events import _SENTENCES, _SHORTER, event_text, known_events
from controlplane.wording.failures import _WORDS as FAILURES
from models_app.domain.states import (
    ArtifactState,
    DeploymentState,
    OperationState,
    ReplicaState,
)
from models_app.services.observed.deployments import _DEPLOYMENT_LEVELS
from tests.raised_codes import modules

CODE = re.compile(r"(deployment|replica|host|artifact|operation|model|placement)\.[a-z_]+")
FAMILIES = {  # f"replica.{state}" in the source stands for these
    "deployment.became_": [f"deployment.became_{state}" for state in _DEPLOYMENT_LEVELS],
    "replica.": [f"replica.{state}" for state in (ReplicaState.BACKOFF, ReplicaState.FAILED)],
    "operation.": [f"operation.{state}" for state in OperationState if state.finished],
    "artifact.": [f"artifact.{state}" for state in ArtifactState if state != "removing"],
}


def told() -> Iterator[tuple[str, str]]:
    """Yield (where, code) of every event that the source tells."""
    for path, tree in modules():
        if "demo" in path.parts:
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or _name(node.func) not in (
                "event",
                "Told",
                "_schedule",
            ):
                continue
            for argument in node.args:
                for code in _codes(argument):
                    yield f"{path}:{node.lineno}", code


def _name(node: ast.expr) -> str:
    return getattr(node, "id", getattr(node, "attr", ""))


def _codes(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value] if CODE.fullmatch(node.value) else []
    if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        return FAMILIES.get(str(node.values[0].value), [])
    return []


TOLD = sorted(told())


def test_the_source_tells_events() -> None:
    codes = {code for _where, code in TOLD}
    assert {"deployment.created", "replica.ready", "host.cordoned", "replica.backoff"} <= codes
    assert len(codes) > 30


@pytest.mark.parametrize(("where", "code"), TOLD)
def test_every_event_has_a_sentence(where: str, code: str) -> None:
    assert code in known_events(), where


@pytest.mark.parametrize("code", sorted(known_events()))
def test_a_sentence_reads_well_without_figures(code: str) -> None:
    text = event_text(code, {})
    assert text
    assert "{" not in text
    assert text[0].isupper() or not text[0].isalpha()


def test_no_sentence_is_for_an_event_that_nobody_tells() -> None:
    later = {"deployment.rollout_halted", "operation.running", "artifact.corrupt", "artifact.ready"}
    codes = {code for _where, code in TOLD} | later
    indirect = {"deployment.stopped", "deployment.started"}  # chosen by the verb
    assert known_events() <= codes | indirect, known_events() - codes - indirect


@pytest.mark.parametrize(
    ("code", "params", "text"),
    [
        (
            "deployment.created",
            {"by": "ada", "model": "smollm2", "engine": "llamacpp"},
            "Created by ada: smollm2 on llama.cpp",
        ),
        (
            "replica.ready",
            {"replica": 0, "host": "till-1", "seconds": 1.94},
            "Replica 0 ready on till-1 in 1.9 s",
        ),
        (
            "replica.backoff",
            {"replica": 1, "host": "till-1", "retry_s": 40},
            "Replica 1 failed on till-1, next try in 40 s",
        ),
        (
            "artifact.placed",
            {"file": "a.gguf", "host": "vm", "size_bytes": 98_362_432, "bytes_per_s": 327_155_712},
            "a.gguf placed on vm: 93.8 MiB at 312 MiB/s",
        ),
        (
            "artifact.placed",
            {"file": "a.gguf", "host": "vm", "size_bytes": 98_362_432, "bytes_per_s": None},
            "a.gguf placed on vm: 93.8 MiB",
        ),
        ("artifact.placing_failed", {"retry_s": None}, "Placing the model failed"),
        ("artifact.placing_failed", {"retry_s": 20}, "Placing the model failed, next try in 20 s"),
        (
            "deployment.scaled",
            {"by": "{evil}", "before": 1, "after": 2},
            "Scaled from 1 to 2 by {evil}",
        ),
        ("from.the_future", {"x": 1}, "from.the_future"),
    ],
)
def test_figures_are_told(code: str, params: dict[str, object], text: str) -> None:
    assert event_text(code, params) == text


def test_every_state_a_family_can_name_is_one() -> None:
    assert DeploymentState.READY in _DEPLOYMENT_LEVELS
    assert all(str(pattern) for pattern in _SENTENCES.values())


BARE = re.compile(r"\{(bytes|size|memory|disk|speed|rate|time|duration)\}")


def test_no_sentence_tells_a_size_or_a_time_without_its_unit() -> None:
    """A parameter's name carries its unit (`filling`); one of these would show a bare number."""
    texts = [str(text) for text in (*_SENTENCES.values(), *_SHORTER.values())]
    texts += [str(text) for pair in ERRORS.values() for text in pair]
    texts += [str(text) for words in FAILURES.values() for text in words.sentences]
    assert len(texts) > 100
    assert not [text for text in texts if BARE.search(text)]
