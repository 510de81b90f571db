import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_app.domain.errors import InvalidError
from models_app.domain.names import check_name, safe_file_name, slugify_name, workload_name

DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?\Z")


@pytest.mark.parametrize("name", ["a", "0", "smollm2-135m", "a" * 48, "a--b"])
def test_names_that_are_safe_everywhere(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-a",
        "a-",
        "A",
        "a_b",
        "a.b",
        "../a",
        "a/b",
        "a\n",
        "a\x00",
        "a b",
        "ä",
        "a" * 49,
        "$(id)",
        "{model}",
    ],
)
def test_names_that_are_not(name: str) -> None:
    with pytest.raises(InvalidError) as caught:
        check_name(name, field="host")
    assert caught.value.fields == {"host": "NAME_INVALID"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("SmolLM2 135M Instruct", "smollm2-135m-instruct"),
        ("Größe: XL!", "groe-xl"),
        ("  ", "model"),
        ("模型", "model"),
        ("a" * 47 + " b", "a" * 47),
    ],
)
def test_slugify(text: str, name: str) -> None:
    assert slugify_name(text) == name


@given(st.text())
def test_whatever_is_written_becomes_a_name(text: str) -> None:
    assert DNS_LABEL.match(slugify_name(text))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("model.gguf", "model.gguf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\models\\m.gguf", "m.gguf"),
        ("..", "file"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ("a b\x00c\n.gguf", "a_b_c_.gguf"),
        ("x" * 500 + ".gguf", "x" * 115 + ".gguf"),
        ("", "file"),
    ],
)
def test_safe_file_name(text: str, name: str) -> None:
    assert safe_file_name(text) == name


@given(st.text(max_size=400))
def test_a_safe_file_name_is_one_harmless_part_and_stays(text: str) -> None:
    name = safe_file_name(text)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,119}", name)
    assert safe_file_name(name) == name


def test_a_workload_of_the_longest_name_is_still_a_dns_label() -> None:
    assert len(workload_name("a" * 48, 63, 99)) <= 63
    assert workload_name("chat", 0, 3) == "slipway-chat-0-r3"
