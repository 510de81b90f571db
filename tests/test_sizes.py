"""Files under 400 lines, functions under 50: what has grown past it is named here, with a reason.

Whoever adds to the list says why and when; whoever brings something back under its limit takes it
off.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from controlplane.settings.env import ROOT

FILE_LINES, FUNCTION_LINES = 400, 50
PLACES = ("controlplane", "models_app", "workers", "templates", "tests", "benchmarks")
KINDS = {".py", ".js", ".css", ".html", ".sh"}

ALLOWED = {
    "controlplane/static/slipway/components.css": "2026-11-24: one part after the other, no logic",
    "controlplane/static/slipway/controls.css": "2026-11-24: one part after the other, no logic",
    "controlplane/static/slipway/figures.css": "2026-11-24: one part after the other, no logic",
    "controlplane/static/slipway/layout.css": "2026-11-24: one part after the other, no logic",
    "controlplane/static/slipway/playground.css": "2026-11-24: one part after the other, no logic",
    "models_app/migrations/0001_ledger.py": "2026-11-20: written by Django, never edited",
}
MOST_ALLOWED = 6


def ours() -> Iterator[Path]:
    """Every file of ours that holds code."""
    for place in PLACES:
        yield from (path for path in sorted((ROOT / place).rglob("*")) if path.suffix in KINDS)


def too_long() -> dict[str, int]:
    """Return what is past its limit, as `file` or `file:function`, with its lines."""
    found: dict[str, int] = {}
    for path in ours():
        text = path.read_text()
        name = str(path.relative_to(ROOT))
        found |= {name: text.count("\n")}
        if path.suffix == ".py":
            found |= {f"{name}:{key}": lines for key, lines in functions(text).items()}
    return {
        name: lines
        for name, lines in found.items()
        if lines > (FUNCTION_LINES if ":" in name else FILE_LINES)
    }


def functions(text: str) -> dict[str, int]:
    """Return the lines of each function, the longest of those that share a name."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, kinds) and node.end_lineno is not None:
            lines = node.end_lineno - node.lineno + 1
            found[node.name] = max(lines, found.get(node.name, 0))
    return found


def test_nothing_outgrows_its_limit_unnoticed() -> None:
    found = too_long()
    assert sum(1 for _ in ours()) > 500
    assert not {name: lines for name, lines in found.items() if name not in ALLOWED}
    assert set(ALLOWED) <= set(found), "take it off the list: it is short enough again"
    assert len(ALLOWED) <= MOST_ALLOWED, "the list only gets shorter"


def test_a_long_function_is_seen() -> None:
    text = "def short():\n    pass\n\n\nasync def long():\n" + "    pass\n" * FUNCTION_LINES
    assert functions(text) == {"short": 2, "long": FUNCTION_LINES + 1}
