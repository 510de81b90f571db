"""Which hosts a placement asks for: rules about labels, as people write them and as they are kept.

A selector holds one rule a label: a text (the label is exactly this), or one of `{"in": [...]}`,
`{"not_in": [...]}`, `{"exists": true or false}`. A host without the label fits `not_in`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

Rule = str | Mapping[str, Any]

RULES_LIMIT = 20
VALUES_LIMIT = 50
TEXT_LIMIT = 63
_LIST = re.compile(r"(?P<key>\S+)\s+(?P<not>not\s*)?in\s*\((?P<values>.*)\)", re.IGNORECASE)


def fits(selector: Mapping[str, Rule], labels: Mapping[str, str]) -> bool:
    """Return whether a host with these labels fits every rule."""
    return all(_fits(rule, labels.get(key)) for key, rule in selector.items())


def _fits(rule: Rule, label: str | None) -> bool:
    if isinstance(rule, str):
        return label == rule
    if "in" in rule:
        return label in tuple(rule["in"])
    if "not_in" in rule:
        return label not in tuple(rule["not_in"])
    return (label is not None) is bool(rule["exists"])


def is_selector(found: Any) -> bool:
    """Return whether this is a selector, in bounded size."""
    return (
        isinstance(found, dict)
        and len(found) <= RULES_LIMIT
        and all(_is_text(key) and is_rule(rule) for key, rule in found.items())
    )


def is_rule(found: Any) -> bool:
    """Return whether this is one rule."""
    if isinstance(found, str):
        return _is_text(found)
    if not isinstance(found, dict) or len(found) != 1:
        return False
    ((kind, value),) = found.items()
    if kind == "exists":
        return isinstance(value, bool)
    return kind in {"in", "not_in"} and _are_values(value)


def _are_values(found: Any) -> bool:
    is_list = isinstance(found, list) and 0 < len(found) <= VALUES_LIMIT
    return is_list and all(_is_text(value) for value in found)


def _is_text(found: Any) -> bool:
    return isinstance(found, str) and 0 < len(found) <= TEXT_LIMIT and found.isprintable()


def parse_rule(line: str) -> tuple[str, Rule] | None:
    """Return the label and rule of one line; None when it is none.

    `site=rome`, `site in (rome, milan)`, `gpu not in (none)`, `rack` and `!rack`.
    """
    line = line.strip()
    listed = _LIST.fullmatch(line)
    rule: Rule
    if listed:
        values = [value.strip() for value in listed["values"].split(",")]
        key, rule = listed["key"], {"not_in" if listed["not"] else "in": values}
    elif "=" in line:
        key, _, rule = (part.strip() for part in line.partition("="))
    else:
        key, rule = line.removeprefix("!").strip(), {"exists": not line.startswith("!")}
        if re.search(r"[\s()!]", key):
            return None
    return (key, rule) if _is_text(key) and is_rule(rule) else None


def rule_text(key: str, rule: Rule) -> str:
    """Return a rule as `parse_rule` reads it."""
    if isinstance(rule, str):
        return f"{key}={rule}"
    if "exists" in rule:
        return key if rule["exists"] else f"!{key}"
    kind, values = next(iter(rule.items()))
    return f"{key} {kind.replace('_', ' ')} ({', '.join(values)})"


def selector_lines(selector: Mapping[str, Rule]) -> Sequence[str]:
    """Return the rules as lines, by label."""
    return [rule_text(key, rule) for key, rule in sorted(selector.items())]
