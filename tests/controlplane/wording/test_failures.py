import pytest

from controlplane.wording.failures import failure_text, reason_text
from models_app.domain.failures import FailureCode
from models_app.domain.gguf import GgufFault


@pytest.mark.parametrize("code", FailureCode)
def test_every_failure_has_a_sentence_and_a_remedy_even_without_figures(code: FailureCode) -> None:
    text = failure_text(code, {})
    assert text.sentence.endswith(".")
    assert code not in text.sentence
    assert "–" not in text.sentence  # noqa: RUF001 - the dash of an unknown figure
    assert text.remedies
    assert all(remedy.endswith(".") for remedy in text.remedies)


@pytest.mark.parametrize(
    ("code", "params", "sentence"),
    [
        (
            "NOT_ENOUGH_MEMORY",
            {"needed_bytes": 3 << 30, "passed_over": {"attic": "NOT_ENOUGH_MEMORY"}},
            "A replica needs 3.0 GiB of memory; no host has that much free.",
        ),
        ("STARTUP_STALLED", {"seconds": 125}, "made no progress for 2 min 5 s."),
        ("ENGINE_EXITED", {"exit_code": 1337}, "exit code 1337."),
        ("ENGINE_EXITED", {"exit_code": None}, "The engine ended by itself."),
        ("PORT_IN_USE", {"port": 11434}, "Port 11434 is taken"),
        ("CONTEXT_TOO_LARGE", {"asked": 65536, "limit": 8192}, "65,536 tokens"),
        ("DISK_SPACE", {"needed_bytes": 1 << 40, "free_bytes": 5}, "needs 1.0 TiB on disk; 5 B"),
        ("WISH_REFUSED", {"refusal": "NAME_TAKEN", "name": "chat"}, "The name “chat” is taken."),
        ("FROM_THE_FUTURE", {}, "FROM_THE_FUTURE"),
    ],
)
def test_a_failure_tells_its_figures(code: str, params: dict[str, object], sentence: str) -> None:
    assert sentence in failure_text(code, params).sentence


@pytest.mark.parametrize("fault", GgufFault)
def test_every_fault_of_a_gguf_has_words_even_without_figures(fault: GgufFault) -> None:
    text = failure_text("ARTIFACT_INVALID", {"fault": fault.value})
    assert text.sentence.endswith(".")
    assert fault.value not in text.sentence
    assert text != failure_text("ARTIFACT_INVALID", {})
    assert text.remedies
    assert all(remedy.endswith(".") for remedy in text.remedies)


def test_hosts_passed_over_are_told_with_their_reasons() -> None:
    text = failure_text("NO_HOST", {"passed_over": {"attic": "HOST_CLOSED", "shop": "X"}})
    assert text.passed_over == (
        ("attic", "closed for new replicas"),
        ("shop", "not suitable (X)"),
    )


def test_every_reason_of_the_scheduler_has_words() -> None:
    import ast
    import inspect

    from models_app.domain import scheduling

    tree = ast.parse(inspect.getsource(scheduling.why_not))
    texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
    codes = [t for t in texts if isinstance(t, str) and t.isupper()]
    assert len(codes) >= 5
    assert all("not suitable" not in reason_text(code) for code in codes)
