"""Takes obvious secrets, addresses and card numbers out of a text before it is kept.

Best effort and said so: what looks like nothing in particular (a name, a diagnosis) stays. Each
piece is replaced by a word for what it was, so that a reader still sees that something was there.
"""

import re
from collections.abc import Callable

_PRIVATE_KEY = r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
_NAMED = (
    r"(?i)(?<![a-z])(pass(?:word|wd|phrase)?|secret|token|api[_-]?key|access[_-]?key|authorization)"
    r"(\"?\s*(?:is\s+|[:=]\s*)\"?(?:bearer\s+|basic\s+)?)([^\s\",;]{4,})"
)
_PREFIXED = (
    r"\b(?:slip_[0-9A-Za-z]{4,}_[\w-]+|sk-[\w-]{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}"
    r"|hf_[0-9A-Za-z]{16,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,})"
)
_JWT = r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
_IN_ADDRESS = r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"
_EMAIL = r"[\w.+%-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}"
_DIGITS = r"(?<![\w.])\d(?:[ -]?\d){12,33}(?![\w])"
_IBAN = r"\b[A-Z]{2}\d{2}(?: ?[0-9A-Z]{4}){3,7}(?: ?[0-9A-Z]{1,3})?\b"

CARD_DIGITS = range(13, 20)


def redact(text: str) -> tuple[str, int]:
    """Return the text without what looks secret, and how many pieces were taken out."""
    taken = 0

    def out(word: str, wanted: Callable[[str], bool]) -> Callable[[re.Match[str]], str]:
        def replace(found: re.Match[str]) -> str:
            nonlocal taken
            if not wanted(found[0]):
                return found[0]
            taken += 1
            return f"[{word}]"

        return replace

    def named(found: re.Match[str]) -> str:
        nonlocal taken
        if found[3].startswith("["):  # taken out already
            return found[0]
        taken += 1
        return f"{found[1]}{found[2]}[secret]"

    for pattern, word, wanted in _RULES:
        text = pattern.sub(out(word, wanted), text)
    return _NAMED_RULE.sub(named, text), taken


def _always(_found: str) -> bool:
    return True


def _is_card(found: str) -> bool:
    """Return whether digits pass the check that every card number passes."""
    digits = [int(one) for one in found if one.isdigit()]
    if len(digits) not in CARD_DIGITS:
        return False
    doubled = [sum(divmod(2 * one, 10)) for one in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


_NAMED_RULE = re.compile(_NAMED)
_RULES = [
    (re.compile(_PRIVATE_KEY, re.DOTALL), "private key", _always),
    (re.compile(_PREFIXED), "secret", _always),
    (re.compile(_JWT), "secret", _always),
    (re.compile(_IN_ADDRESS), "secret", _always),
    (re.compile(_EMAIL), "e-mail", _always),
    (re.compile(_IBAN), "account", _always),
    (re.compile(_DIGITS), "card", _is_card),
]
