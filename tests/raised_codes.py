"""Finds, in the source itself, every error code that Slipway can raise, and with which parameters.

Used by the test of the wording: a code without a sentence is a defect, wherever it is raised.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("controlplane", "models_app", "workers")


@dataclass(frozen=True, slots=True)
class Raised:
    """One place that makes an error. `code` None: it is not written there as a constant."""

    where: str
    code: str | None
    params: frozenset[str] | None  # None: not known from the source alone
    fields: frozenset[str]  # codes of fields


def modules() -> Iterator[tuple[Path, ast.Module]]:
    """Every module of the three rooms, parsed."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT), ast.parse(path.read_text())


def raised() -> list[Raised]:
    """Every place that makes a SlipwayError."""
    parsed = list(modules())
    defaults = _default_codes(parsed)
    found = []
    for path, tree in parsed:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) in defaults:
                found.append(_raised(path, node, defaults[_name(node.func)]))
            elif isinstance(node, ast.Raise) and node.exc and _name(node.exc) in defaults:
                where = f"{path}:{node.lineno}"
                found.append(Raised(where, defaults[_name(node.exc)], frozenset(), frozenset()))
    return found


def _default_codes(parsed: list[tuple[Path, ast.Module]]) -> dict[str, str]:
    classes = {"SlipwayError": "INTERNAL"}
    grew = True
    while grew:
        before = len(classes)
        for _path, tree in parsed:
            for node in ast.walk(tree):
                bases = [_name(b) for b in node.bases] if isinstance(node, ast.ClassDef) else []
                known = [b for b in bases if b in classes]
                if isinstance(node, ast.ClassDef) and known and node.name not in classes:
                    classes[node.name] = _own_code(node) or classes[known[0]]
        grew = len(classes) > before
    return classes


def _own_code(node: ast.ClassDef) -> str | None:
    for line in node.body:
        if isinstance(line, ast.Assign) and _name(line.targets[0]) == "default_code":
            return _text(line.value)
    return None


def _raised(path: Path, call: ast.Call, default: str) -> Raised:
    keywords = {k.arg: k.value for k in call.keywords}
    params = keywords.get("params")
    known: frozenset[str] | None = frozenset()
    if isinstance(params, ast.Dict) and all(k is not None for k in params.keys):
        known = frozenset(_text(k) or "?" for k in params.keys if k is not None)
    elif params is not None:
        known = None
    return Raised(
        f"{path}:{call.lineno}",
        _text(call.args[0]) if call.args else default,
        known,
        frozenset(_field_codes(keywords.get("fields"))),
    )


def _field_codes(fields: ast.expr | None) -> Iterator[str]:
    values: list[ast.expr] = []
    if isinstance(fields, ast.Dict):
        values = list(fields.values)
    elif isinstance(fields, ast.Call) and _name(fields.func) == "fromkeys":
        values = fields.args[1:]
    for value in values:
        text = _text(value)
        if text:
            yield text


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
