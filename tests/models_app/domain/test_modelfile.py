import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models_app.domain.errors import InvalidError
from models_app.domain.modelfile import (
    ROLES,
    Modelfile,
    parse_modelfile,
    render_modelfile,
)
from models_app.domain.modelfile_parameters import PARAMETERS

REASONING = '''# thinks before it answers
from smollm2:135m
PARAMETER temperature 0.3
parameter top_p 0.8
PARAMETER stop "<|im_end|>"
PARAMETER stop User:
TEMPLATE """{{ .System }}
{{ .Prompt }}"""
SYSTEM "Think step by step."
MESSAGE user What is 2 + 2?
MESSAGE assistant "4"
LICENSE """
Apache License
"""
'''


def test_a_whole_one_is_read() -> None:
    found = parse_modelfile(REASONING)
    assert found.base == "smollm2:135m"
    assert found.parameters == (
        ("temperature", 0.3),
        ("top_p", 0.8),
        ("stop", "<|im_end|>"),
        ("stop", "User:"),
    )
    assert found.template == "{{ .System }}\n{{ .Prompt }}"
    assert found.system == "Think step by step."
    assert found.messages == (("user", "What is 2 + 2?"), ("assistant", "4"))
    assert found.licences == ("\nApache License\n",)
    assert found.request()["parameters"]["stop"] == ["<|im_end|>", "User:"]
    assert parse_modelfile(render_modelfile(found)) == found


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "MODELFILE_FROM_ONCE", 1),
        ("SYSTEM x", "MODELFILE_FROM_ONCE", 1),
        ("FROM a\nFROM b", "MODELFILE_FROM_ONCE", 1),
        ("FROM /etc/shadow", "MODELFILE_FROM_PATH", 1),
        ("# x\nFROM ./model.gguf", "MODELFILE_FROM_PATH", 2),
        ("FROM ~/model.gguf", "MODELFILE_FROM_PATH", 1),
        ("FROM ../x", "MODELFILE_FROM_PATH", 1),
        ("FROM C:\\model.gguf", "MODELFILE_FROM_PATH", 1),
        ('FROM "/etc/shadow"', "MODELFILE_FROM_PATH", 1),
        ('FROM """/etc/shadow"""', "MODELFILE_FROM_PATH", 1),
        ("FROM a/../../b", "MODEL_NAME_INVALID", None),
        ("FROM evil.lan/a/b", "REGISTRY_NOT_ALLOWED", None),
        ("FROM", "MODELFILE_EMPTY", 1),
        ("FROM a\nRUN rm -rf /", "MODELFILE_INSTRUCTION", 2),
        ("FROM a\nPARAMETER num_ctx many", "MODELFILE_PARAMETER_RANGE", 2),
        ("FROM a\nPARAMETER num_ctx 0", "MODELFILE_PARAMETER_RANGE", 2),
        ("FROM a\nPARAMETER temperature nan", "MODELFILE_PARAMETER_RANGE", 2),
        ("FROM a\nPARAMETER rpc evil:1", "MODELFILE_PARAMETER_UNKNOWN", 2),
        ("FROM a\nPARAMETER top_k 1\nPARAMETER top_k 2", "MODELFILE_PARAMETER_TWICE", 0),
        ("FROM a\nADAPTER /root/x.gguf", "MODELFILE_ADAPTER", 2),
        ("FROM a\nMESSAGE root hello", "MODELFILE_ROLE", 2),
        ('FROM a\nSYSTEM """never closed', "MODELFILE_QUOTES", 2),
        ('FROM a\nSYSTEM "never closed', "MODELFILE_QUOTES", 2),
        ('FROM a\nSYSTEM """x""" y', "MODELFILE_QUOTES", 2),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, code: str, line: int | None) -> None:
    with pytest.raises(InvalidError) as refused:
        parse_modelfile(text)
    assert refused.value.code == code
    assert refused.value.params.get("line") == line


# A machine that does much else at the time is slow, and the properties hold all the same.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}(:[a-z0-9]{1,5})?", fullmatch=True)
# What the language can say: no carriage returns, no three quotes, no quote at the end of a quoted.
TEXTS = (
    st.text(max_size=40)
    .map(lambda text: text.replace("\r", "").replace('"""', "").rstrip('"'))
    .filter(lambda text: '"""' not in text)
)
NUMBERS = st.sampled_from(sorted(PARAMETERS)).flatmap(
    lambda name: st.tuples(
        st.just(name),
        st.integers(int(PARAMETERS[name].low), int(PARAMETERS[name].high))
        if PARAMETERS[name].kind is int
        else st.floats(PARAMETERS[name].low, PARAMETERS[name].high),
    )
)
STOPS = st.tuples(st.just("stop"), TEXTS.filter(lambda text: text.strip()))
MODELFILES = st.builds(
    Modelfile,
    base=NAMES,
    parameters=st.lists(NUMBERS, max_size=4, unique_by=lambda pair: pair[0]).flatmap(
        lambda numbers: st.lists(STOPS, max_size=2).map(lambda stops: (*numbers, *stops))
    ),
    system=TEXTS,
    template=TEXTS,
    adapters=st.lists(st.just("sha256:" + "ab" * 32), max_size=1).map(tuple),
    messages=st.lists(
        st.tuples(st.sampled_from(ROLES), TEXTS.filter(lambda text: text.strip())), max_size=3
    ).map(tuple),
    licences=st.lists(TEXTS.filter(lambda text: text.strip()), max_size=2).map(tuple),
)


@given(MODELFILES)
@UNHURRIED
def test_written_and_read_again_it_is_the_same(modelfile: Modelfile) -> None:
    assert parse_modelfile(render_modelfile(modelfile)) == modelfile


@UNHURRIED
@given(st.text(max_size=80) | st.text(max_size=60).map(lambda text: f"FROM a\n{text}"))
def test_whatever_is_written_is_refused_or_means_itself(text: str) -> None:
    try:
        found = parse_modelfile(text)
        again = render_modelfile(found)
    except InvalidError:
        return
    assert parse_modelfile(again) == found
