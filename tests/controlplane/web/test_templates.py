"""What every template keeps to: nothing inline, a first line that says what it is, small."""

import re
from pathlib import Path

import pytest

from controlplane.settings.env import ROOT
from tests.controlplane.web.palette_of_tokens import STATIC

TEMPLATES = ROOT / "templates"
FILES = sorted(TEMPLATES.rglob("*.html"))
NAMES = [str(path.relative_to(TEMPLATES)) for path in FILES]
PAGE_LINES, FRAGMENT_LINES = 150, 110


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_nothing_inline(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle\s*=", text), "a style attribute breaks the security policy"
    assert not re.search(r"<style\b", text)
    assert not re.search(r"\son[a-z]+\s*=", text), "an event attribute breaks the security policy"
    assert "javascript:" not in text
    for script in re.findall(r"<script\b[^>]*>", text):
        assert "src=" in script or 'type="application/json"' in script, script
    assert not re.search(r"(src|href)=\"(https?:)?//", text), "nothing is loaded from elsewhere"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_the_first_line_says_what_it_is(path: Path) -> None:
    first = path.read_text().split("\n", 1)[0]
    assert first.startswith("{#"), "its first line is a comment: what it shows, what it needs"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_fragments_never_extend_and_stay_small(path: Path) -> None:
    text = path.read_text()
    is_fragment = path.name.startswith("_") or path.parent.name in {"components", "pictures"}
    assert text.count("\n") <= (FRAGMENT_LINES if is_fragment else PAGE_LINES)
    if is_fragment:
        assert "{% extends" not in text


def test_every_drawing_that_is_used_exists() -> None:
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text()))
    for path in FILES:
        text = path.read_text()
        used = set(re.findall(r'{% icon "([\w-]+)"', text))
        used |= {f"state-{shape}" for shape in re.findall(r'{% mark "([\w-]+)"', text)}
        used |= set(re.findall(r"icons\.svg' %}#([\w-]+)", text))
        assert used <= drawn, (path.name, used - drawn)
