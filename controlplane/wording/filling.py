"""Puts the parameters of an error, failure or event into its sentence, each as people read it.

What a parameter is follows from its name: `*_bytes` is a size, `*bytes_per_s` a speed, `*_s` and
`seconds` a duration, `state` the state's word, a number is grouped. Values are data and never taken
for a template.
"""

from collections.abc import Mapping
from typing import Any

from controlplane.wording.formats import UNKNOWN, duration_text, number_text, rate_text, size_text
from controlplane.wording.states import state_word

PLAIN_NUMBERS = {"exit_code", "port", "number", "revision", "status", "engine_status"}
LONGEST = 300


def fill(template: object, params: Mapping[str, Any]) -> str:
    """Return the template with its parameters; one that is missing shows as a dash."""
    return str(template).format_map(_Shown(params))


def has_all(template: object, params: Mapping[str, Any]) -> bool:
    """Return whether every parameter that the template names is known."""
    asked = _Asked()
    str(template).format_map(asked)
    return all(params.get(name) is not None for name in asked.names)


def shown(name: str, value: Any) -> str:
    """Return one parameter as people read it."""
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _figure(name, value)
    if name == "state":
        return str(state_word(str(value)).word).lower()
    if isinstance(value, (list, tuple)):
        return ", ".join(shown("", item) for item in value)
    return "".join(c if c.isprintable() else " " for c in str(value)[:LONGEST])


def _figure(name: str, value: float) -> str:
    if name.endswith("_bytes"):
        return size_text(value)
    if name.endswith("bytes_per_s"):
        return rate_text(value)
    if name.endswith("_s") or name == "seconds":
        return duration_text(value)
    return str(value) if name in PLAIN_NUMBERS else number_text(value)


class _Shown(dict[str, str]):
    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__({name: shown(name, value) for name, value in params.items()})

    def __missing__(self, key: str) -> str:
        return UNKNOWN


class _Asked(dict[str, str]):
    """Notes which names a template asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __missing__(self, key: str) -> str:
        self.names.add(key)
        return ""
