"""Translations: complete, in step with the code, with the same gaps to fill, and compiled."""

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from django.conf import settings
from django.utils import translation

from controlplane.settings.env import ROOT
from controlplane.wording import catalogues

LANGUAGES = [code for code, _name in settings.LANGUAGES if code != "en"]


def catalogue_of(language: str) -> Catalog:
    path = settings.LOCALE_PATHS[0] / language / "LC_MESSAGES" / "django.po"
    return catalogues.read_catalogue(path, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_step_with_the_code(language: str) -> None:
    known = {(str(m.id), m.context) for m in catalogue_of(language) if m.id}
    collected = {(str(m.id), m.context) for m in catalogues.collect(ROOT) if m.id}
    assert not collected - known, "run `make messages` and translate these"
    assert not known - collected, "run `make messages`: these are gone"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_is_translated(language: str) -> None:
    missing = [
        message.id
        for message in catalogue_of(language)
        if (message.id and not (message.string and all(message.string))) or message.fuzzy
    ]
    assert not missing


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_fills_the_same_gaps(language: str) -> None:
    for message in catalogue_of(language):
        originals = (message.id,) if isinstance(message.id, str) else message.id
        texts = (message.string,) if isinstance(message.string, str) else message.string
        wanted = set().union(*(catalogues.placeholders(text) for text in originals))
        for text in texts or ():
            assert catalogues.placeholders(text) <= wanted, message.id


def test_merging_keeps_what_is_translated_and_drops_what_is_gone(tmp_path: Path) -> None:
    old = Catalog(locale="it", charset="utf-8")
    old.add("Stop", "Ferma")
    old.add("Gone", "Andato")
    collected = Catalog(charset="utf-8")
    collected.add("Stop")
    collected.add("New")
    collected.add(("{n} host", "{n} hosts"))
    new = catalogues.merged(old, collected, "it")
    path = tmp_path / "it" / "LC_MESSAGES" / "django.po"
    catalogues.save(new, path)
    again = catalogues.read_catalogue(path, "it")
    assert {m.id: m.string for m in again if isinstance(m.id, str) and m.id} == {
        "Stop": "Ferma",
        "New": "",
    }
    assert "#:" not in path.read_text()
    catalogues.save(catalogues.merged(again, collected, "it"), tmp_path / "second.po")
    assert (tmp_path / "second.po").read_bytes() == path.read_bytes()


def test_the_compiled_catalogue_is_what_the_pages_use() -> None:
    with translation.override("it"):
        assert translation.gettext("Go to the overview") == "Vai alla panoramica"
