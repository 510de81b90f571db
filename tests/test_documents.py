"""A document that is named is there: in links of documents, and in words of the code."""

import re
from collections.abc import Iterator
from pathlib import Path

from controlplane.settings.env import ROOT

NAMED = re.compile(r"\bdocs/[\w/-]+\.(?:md|json)\b")
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")
PLACES = (
    "controlplane",
    "models_app",
    "workers",
    "templates",
    "tests",
    "benchmarks",
    "compose",
    "docs",
)
KINDS = {".py", ".md", ".html", ".js", ".lua", ".yaml", ".toml"}


def _files() -> Iterator[Path]:
    """Every file of ours that may name a document."""
    found = [ROOT / "Makefile", *ROOT.glob("*.*")]
    for place in PLACES:
        found += sorted((ROOT / place).rglob("*"))
    yield from (path for path in found if path.name == "Makefile" or path.suffix in KINDS)


def _anchors(document: Path) -> set[str]:
    """Return what its headings can be linked by, as a forge makes it of their words."""
    heads = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_a_document_that_is_named_is_there() -> None:
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in _files()
        for name in NAMED.findall(path.read_text())
        if not (ROOT / name).exists()
    }
    assert not missing


def test_a_link_of_a_document_leads_somewhere() -> None:
    documents = [path for path in _files() if path.suffix == ".md"]
    assert len(documents) > 20
    broken = []
    for document in documents:
        for path, anchor in LINK.findall(document.read_text()):
            target = (document.parent / path).resolve() if path else document
            if not target.exists() or (anchor and anchor not in _anchors(target)):
                broken.append(f"{document.relative_to(ROOT)}: {path}#{anchor}")
    assert not broken
