import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models_app.domain.errors import InvalidError
from models_app.domain.names import workload_name
from models_app.domain.ollama_names import (
    is_slipways,
    keeper_model,
    parse_model_name,
    workload_model,
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("llama3.2", "llama3.2:latest"),
        ("llama3.2:1b", "llama3.2:1b"),
        ("library/qwen_2:0.5b-instruct", "library/qwen_2:0.5b-instruct"),
        (" smollm2 ", "smollm2:latest"),
    ],
)
def test_names_are_written_out_whole(text: str, written: str) -> None:
    assert str(parse_model_name(text)) == written
    assert str(parse_model_name(written)) == written


@pytest.mark.parametrize(
    "text",
    [
        "", ":", "a:", "/a", "a/", "a//b", "a/../b", "..", "a:..", "../../etc/passwd", "a b",
        "a\nb", "http://evil/a/b", "a@sha256:ab", "a/b/c/d", "-a", "é", "a" * 81,
        "x/" + "a" * 400, "registry.ollama.ai/library/a..b", "na.mespace/model",
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        parse_model_name(text)
    assert refused.value.code in {"MODEL_NAME_INVALID", "REGISTRY_NOT_ALLOWED"}


def test_a_host_part_needs_leave() -> None:
    with pytest.raises(InvalidError) as refused:
        parse_model_name("169.254.169.254/library/x")
    assert refused.value.code == "REGISTRY_NOT_ALLOWED"
    with pytest.raises(InvalidError):
        parse_model_name("evil.lan:80/a/b", registries=["good.lan:80"])
    allowed = parse_model_name("good.lan:80/a/b:c", registries=["good.lan:80"])
    assert str(allowed) == "good.lan:80/a/b:c"


def test_our_own_names_are_sound_and_known_again() -> None:
    longest = workload_name("d" * 48, 63, 9_999_999)
    for name in (workload_model("i" * 16, longest, "ab" * 32), keeper_model("i", "cd" * 32)):
        assert str(parse_model_name(name)) == name
        assert is_slipways(name)
    assert not is_slipways("slipway-chat:latest")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=60))
def test_whatever_is_written_is_refused_or_means_itself(text: str) -> None:
    try:
        name = parse_model_name(text)
    except InvalidError:
        return
    assert parse_model_name(str(name)) == name
    assert ".." not in str(name)
