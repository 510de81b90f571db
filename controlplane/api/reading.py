"""Reads JSON bodies strictly: what the database or a page could choke on is refused here."""

import json
from typing import Any, NoReturn

from django.http import HttpRequest
from ninja.parser import Parser
from ninja.types import DictStrAny

DEEPEST = 32
_FIRST_SURROGATE, _LAST_SURROGATE = "\ud800", "\udfff"


class StrictParser(Parser):
    """JSON in UTF-8 without NaN, NUL characters, lone surrogates, or nesting beyond DEEPEST."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        """Return the body. Raises ValueError, which the API answers with MALFORMED_BODY."""
        value = json.loads(request.body.decode(), parse_constant=_refuse)
        _check(value)
        return value  # type: ignore[no-any-return]


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


def _check(value: Any) -> None:
    waiting = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEEPEST:
            raise ValueError("nested too deeply")
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict):
            waiting.extend((part, depth + 1) for part in (*item.keys(), *item.values()))
        elif isinstance(item, list):
            waiting.extend((part, depth + 1) for part in item)


def _check_text(text: str) -> None:
    if "\0" in text or any(_FIRST_SURROGATE <= c <= _LAST_SURROGATE for c in text):
        raise ValueError("text that cannot be stored")
