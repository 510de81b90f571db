"""A document that is named is there: in links of documents, and in words of the code."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"\bdocs/[\w/-]+\.(?:md|json)\b")
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")
SOURCES = ("*.py", "*.md", "*.html", "*.js", "*.lua", "*.toml", "Makefile", "compose/*")


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def _anchors(document: Path) -> set[str]:
    """Return what its headings can be linked by, as a forge makes it of their words."""
    heads = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_a_document_that_is_named_is_there() -> None:
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in _tracked(*SOURCES)
        for name in NAMED.findall(path.read_text())
        if not (ROOT / name).exists()
    }
    assert not missing


def test_a_link_of_a_document_leads_somewhere() -> None:
    documents = _tracked("*.md")
    assert len(documents) > 20
    broken = []
    for document in documents:
        for path, anchor in LINK.findall(document.read_text()):
            target = (document.parent / path).resolve() if path else document
            if not target.exists() or (anchor and anchor not in _anchors(target)):
                broken.append(f"{document.relative_to(ROOT)}: {path}#{anchor}")
    assert not broken
