"""What looks secret goes, what does not stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_app.domain.redaction import redact

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("write to ada.lovelace+x@mail.example.org today", "ada.lovelace"),
        ("card 4111 1111 1111 1111, thanks", "1111"),
        ("card 5500-0000-0000-0004", "5500"),
        ("amex 378282246310005.", "378282246310005"),
        ("pay to DE89 3704 0044 0532 0130 00", "3704"),
        ("password: hunter2222", "hunter2222"),
        ('{"password": "hunter2222"}', "hunter2222"),
        ("the passphrase is swordfish", "swordfish"),
        ("API_KEY=abcdef123", "abcdef123"),
        ("Authorization: Bearer abc.def-123", "abc.def"),
        ("curl -H 'x: slip_abcdef012345_Zm9vYmFyYmF6'", "Zm9v"),
        ("use sk-proj-abcdefghijklmnop1234", "abcdefghijkl"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijkl"),
        ("hf_ABCDEFGHIJKLMNOPQRSTUVW", "ABCDEFGH"),
        ("AKIAIOSFODNN7EXAMPLE here", "IOSFODNN7"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", "eyJzdWIi"),
        ("postgres://user:pa55word@db.lan/x", "pa55word"),
        (f"my key:\n{KEY}\nkeep it", "IBAAKC"),
        (KEY[:50], "MIIEow"),
    ],
)
def test_it_is_taken_out(text: str, secret: str) -> None:
    clean, taken = redact(text)
    assert secret not in clean
    assert taken >= 1
    assert "[" in clean
    assert redact(clean) == (clean, 0)


@pytest.mark.parametrize(
    "text",
    [
        "What is 1 + 1?",
        "order 1234567890123456 of 2026-11-25",
        "call me at +39 06 1234 5678",
        "a token is a piece of a word",
        "version 1.2.3.4.5.6.7.8.9.10.11.12.13.14",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "",
    ],
)
def test_what_is_not_secret_stays(text: str) -> None:
    assert redact(text) == (text, 0)


@given(st.text(max_size=300))
def test_any_text_can_be_redacted_and_comes_out_no_longer_by_much(text: str) -> None:
    clean, taken = redact(text)
    assert taken or clean == text
