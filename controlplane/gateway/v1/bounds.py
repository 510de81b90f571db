"""Refuses requests that are small to send and endless to answer, before an engine sees them.

Engines unfold schemas, patterns and grammars into rules, make answers beside each other, and tell
the chances of words: each is cheap to ask for by the million. What a schema means is the engine's
business; here only its size is measured, and that it names nothing outside itself.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from django.conf import settings

from models_app.domain.errors import InvalidError
from models_app.domain.request_bounds import RequestBounds

BOUNDS: RequestBounds = settings.ENV.request_bounds
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]')
_ITEM = re.compile(r"\\.|\[(?:\\.|[^\]\\])*+\]|\{\s*(\d*)\s*,?\s*(\d*)\s*\}|[()]|.", re.DOTALL)
_REPEATS = ("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties")
_PATTERNS = ("pattern", "grammar", "regex", "definition")
_ROOTS = ("schema", "parameters", "input_schema", "json")  # what references start from
_decode = msgspec.json.decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw] | list[msgspec.Raw]).decode


def refuse_deep(body: bytes, bounds: RequestBounds = BOUNDS) -> None:
    """Raise InvalidError when a body, which is JSON, nests too deep or holds too many containers.

    Few brackets cannot be deep, and are not looked at.
    """
    if body.count(b"{") + body.count(b"[") <= bounds.depth:
        return
    depth = count = 0
    for token in _TOKEN.finditer(body):
        mark = body[token.start()]
        if mark in b"]}":
            depth -= 1
        elif mark in b"[{":
            depth, count = depth + 1, count + 1
            if depth > bounds.depth:
                raise invalid("body", f"at most {bounds.depth} levels are taken")
            if count > bounds.containers:
                raise invalid("body", f"at most {bounds.containers} objects and lists are taken")


def refuse_many(field: str, raw: msgspec.Raw, most: int) -> None:
    """Raise InvalidError when a list or an object has more than `most` members.

    A list of numbers is one text, as its tokens.
    """
    if not bytes(raw).startswith((b"[", b"{")):
        return
    found = _members(raw)
    first = next(iter(found), None)
    is_tokens = isinstance(first, msgspec.Raw) and bytes(first)[:1].isdigit()
    if len(found) > most and not is_tokens:
        raise invalid(field, f"at most {most} are taken")


def texts_in(raw: msgspec.Raw) -> int:
    """Return how many texts a prompt is: a list of numbers is one."""
    if not bytes(raw).startswith(b"["):
        return 1
    found = _members(raw)
    first = next(iter(found), None)
    return (
        1 if isinstance(first, msgspec.Raw) and bytes(first)[:1].isdigit() else max(1, len(found))
    )


def refuse_heavy(schemas: Mapping[str, msgspec.Raw], bounds: RequestBounds = BOUNDS) -> None:
    """Raise InvalidError when what says how an answer must look would unfold too far."""
    size = sum(len(bytes(raw)) for raw in schemas.values())
    for field, raw in schemas.items():
        if size > bounds.schema_bytes:
            raise invalid(field, f"at most {bounds.schema_bytes} bytes are taken")
        _refuse_schema(field, _decode(raw), bounds)


def _refuse_schema(field: str, schema: object, bounds: RequestBounds) -> None:
    for members, (_, depth, _) in enumerate(_walk(schema), start=1):
        if members > bounds.schema_members:
            raise invalid(field, f"at most {bounds.schema_members} members are taken")
        if depth > bounds.schema_depth:
            raise invalid(field, f"at most {bounds.schema_depth} levels are taken")
    if isinstance(schema, str):  # a grammar or a pattern, by itself
        _refuse_pattern(field, schema, bounds)
    for value, _, root in _walk(schema):
        if isinstance(value, dict):
            _refuse_rule(field, value, root, bounds)


def _walk(schema: object) -> Iterator[tuple[object, int, object]]:
    """Yield everything inside, how deep it lies, and the schema that its references start from."""
    waiting: list[tuple[object, int, object]] = [(schema, 0, schema)]
    while waiting:
        value, depth, root = waiting.pop()
        yield value, depth, root
        if isinstance(value, dict):
            for name, inner in value.items():
                waiting.append((inner, depth + 1, inner if name in _ROOTS else root))
        elif isinstance(value, list):
            waiting.extend((inner, depth + 1, root) for inner in value)


def _refuse_rule(field: str, rule: Mapping[str, Any], root: object, bounds: RequestBounds) -> None:
    for name in _REPEATS:
        most = rule.get(name)
        if isinstance(most, int | float) and most > bounds.repetitions:
            raise invalid(field, f"{name} is {bounds.repetitions} at most")
    for name in _PATTERNS:
        if isinstance(text := rule.get(name), str):
            _refuse_pattern(field, text, bounds)
    seen: set[str] = set()
    target: object = rule
    while isinstance(target, dict) and isinstance(ref := target.get("$ref"), str):
        if not ref.startswith("#"):
            raise invalid(field, "$ref has to stay inside its schema")
        if ref in seen:
            raise invalid(field, f"{ref[:60]} refers to nothing but itself")
        seen.add(ref)
        target = _pointed(root, ref)


def _pointed(root: object, ref: str) -> object:
    found = root
    for part in ref.removeprefix("#").split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _refuse_pattern(field: str, text: str, bounds: RequestBounds) -> None:
    """Brackets within each other, and what is repeated, also of what repeats already."""
    sizes, last = [0], 0
    for item in _ITEM.finditer(text):
        mark = item[0]
        if mark == "(":
            sizes.append(0)
            last = 0
            if len(sizes) > bounds.schema_depth:
                raise invalid(field, f"at most {bounds.schema_depth} levels are taken")
        elif mark == ")" and len(sizes) > 1:
            last = sizes.pop()
            sizes[-1] += last
        elif item[1] or item[2]:
            times = _number(item[2] or item[1])
            sizes[-1] += last * max(0, times - 1)
            last *= times
        else:
            last = 1
            sizes[-1] += 1
        if max(sizes[-1], last) > len(text) + bounds.repetitions:
            raise invalid(field, f"at most {bounds.repetitions} repetitions are taken")


def _number(digits: str) -> int:
    return int(digits[:9])


def invalid(field: str, detail: str) -> InvalidError:
    """Return the error that says which field of a body is not taken, and why."""
    return InvalidError(
        "BODY_FIELD_INVALID",
        params={"field": field, "detail": detail},
        fields={field: "VALUE_INVALID"},
    )
