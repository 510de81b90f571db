"""Message catalogues in pure Python: collecting the strings, merging, compiling.

Babel does what GNU gettext's programs would do, so that no machine needs them. Catalogues carry no
line numbers and are sorted: two people who add strings seldom meet in one line.
"""

import os
import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

KEYWORDS = {
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "_": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
PYTHON_ROOMS = ("controlplane", "models_app")
_BRACES = re.compile(r"%\((\w+)\)s|\{(\w*)\}")


def source_files(root: Path) -> Iterator[Path]:
    """Yield the files that may hold strings for people."""
    for room in PYTHON_ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path
    yield from sorted((root / "templates").rglob("*.html"))


def _code_of(path: Path) -> bytes:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        # Django blanks what is not a string; the indentation left over is not Python's.
        text = "\n".join(line.strip() for line in templatize(text, origin=str(path)).splitlines())
    return text.encode()


def collect(root: Path) -> Catalog:
    """Return every translatable string below `root`."""
    catalog = Catalog(charset="utf-8")
    for path in source_files(root):
        found = extract(
            "python", BytesIO(_code_of(path)), keywords=KEYWORDS, strip_comment_tags=True
        )
        for _line, message, _comments, context in found:
            flags = ("python-format",) if _uses_percent(message) else ()
            catalog.add(message, context=context, flags=flags)
    return catalog


def _uses_percent(message: str | tuple[str, ...]) -> bool:
    texts = (message,) if isinstance(message, str) else message
    return any("%(" in text for text in texts)


def read_catalogue(path: Path, language: str) -> Catalog:
    """Return a catalogue from its file; empty when there is none yet."""
    if not path.exists():
        return Catalog(locale=language, charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language, charset="utf-8", abort_invalid=True)


def merged(old: Catalog, collected: Catalog, language: str) -> Catalog:
    """Return the collected strings with the translations that `old` has; nothing is guessed."""
    new = Catalog(locale=language, charset="utf-8", project="Slipway", fuzzy=False)
    for message in collected:
        if not message.id:
            continue
        known = old.get(_key(message.id), message.context)
        text = known.string if known and not known.fuzzy else ""
        new.add(message.id, text or None, context=message.context, flags=message.flags)
    return new


def _key(message_id: str | Iterable[str]) -> str:
    return message_id if isinstance(message_id, str) else next(iter(message_id))


def save(catalog: Catalog, path: Path) -> None:
    """Write a catalogue so that the same strings always give the same bytes."""
    buffer = BytesIO()
    write_po(buffer, catalog, no_location=True, sort_output=True, omit_header=True, width=0)
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalog.locale}\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Plural-Forms: {catalog.plural_forms}\\n"\n\n'
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header.encode() + buffer.getvalue().lstrip())


def compile_catalogue(path: Path, language: str) -> Path:
    """Write the compiled form beside a catalogue, when it is older; return its path."""
    compiled = path.with_suffix(".mo")
    if compiled.exists() and compiled.stat().st_mtime_ns >= path.stat().st_mtime_ns:
        return compiled
    catalog = read_catalogue(path, language)
    draft = compiled.with_suffix(f".{os.getpid()}.mo")  # several processes may compile at once
    with draft.open("wb") as file:
        write_mo(file, catalog)
    draft.replace(compiled)
    return compiled


def catalogue_paths(folder: Path) -> dict[str, Path]:
    """Return the catalogues below a locale folder, by language."""
    return {path.parents[1].name: path for path in sorted(folder.glob("*/LC_MESSAGES/django.po"))}


def placeholders(text: str) -> set[str]:
    """Return the names that a string leaves to be filled in."""
    return {left or right for left, right in _BRACES.findall(text)}
