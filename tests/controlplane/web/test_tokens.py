"""Colours: readable on every ground, in both themes, and named in one file only."""

import re

import pytest

from controlplane.settings.env import ROOT
from tests.controlplane.web.palette_of_tokens import STATIC, contrast, mixed, tokens

GROUNDS = ("bg", "surface", "sunken")
LEAST = {
    "text": 14.5,
    "muted": 5.4,
    "accent": 5.5,
    "ok": 5.2,
    "busy": 5.5,
    "warn": 5.7,
    "bad": 5.8,
    "unknown": 6.3,
}
TINTED = ("accent", "ok", "busy", "warn", "bad", "unknown")
COLOUR = re.compile(
    r"#[0-9a-f]{3,8}\b|\b(rgb|rgba|hsl|hsla|oklch|lab)\(|"
    r":\s*(white|black|red|green|blue|gray|grey|orange|yellow|purple)\b",
    re.IGNORECASE,
)
SIZE = re.compile(r"(?<![\w-])\d*\.?\d+(px|rem|pt)\b")
RULES_WITH_SIZES = re.compile(r"@(media|container)[^{]*{")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", sorted(LEAST))
def test_ink_is_readable_on_every_ground(theme: str, name: str) -> None:
    colours = tokens()[theme]
    for ground in GROUNDS:
        assert contrast(colours[name], colours[ground]) >= LEAST[name] - 0.05, (name, ground)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", TINTED)
def test_a_state_and_the_muted_ink_are_readable_on_its_tint(theme: str, name: str) -> None:
    colours = tokens()[theme]
    tint = mixed(colours[name], colours["surface"])
    assert contrast(colours[name], tint) >= 4.5
    assert contrast(colours["muted"], tint) >= 4.5
    assert contrast(colours["text"], tint) >= 7


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ink_on_filled_buttons_and_edges_of_controls(theme: str) -> None:
    colours = tokens()[theme]
    assert contrast(colours["on-accent"], colours["accent"]) >= 6.2
    assert contrast(colours["on-bad"], colours["bad"]) >= 4.5
    for ground in GROUNDS:
        assert contrast(colours["edge"], colours[ground]) >= 3.0, ground


def test_only_the_tokens_name_a_colour_or_a_size() -> None:
    sheets = [path for path in STATIC.glob("*.css") if path.name != "tokens.css"]
    assert sheets
    for sheet in sheets:
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
        assert not COLOUR.search(text), (sheet.name, COLOUR.search(text))
        plain = RULES_WITH_SIZES.sub("", text)
        assert not SIZE.search(plain), (sheet.name, SIZE.search(plain))


def test_no_template_and_no_script_names_a_colour() -> None:
    files = [*STATIC.glob("*.js"), *(ROOT / "templates").rglob("*.html")]
    for file in files:
        found = re.search(r"#[0-9a-f]{6}\b|\brgba?\(|\bhsla?\(", file.read_text(), re.IGNORECASE)
        assert not found, (file.name, found)


def test_every_custom_property_that_is_used_exists() -> None:
    defined = {"state", "state-tint", "series"}  # set by the class of the part itself
    defined |= set(re.findall(r"--([\w-]+):", (STATIC / "tokens.css").read_text()))
    for sheet in STATIC.glob("*.css"):
        used = set(re.findall(r"var\(--([\w-]+)", sheet.read_text()))
        assert used <= defined, (sheet.name, used - defined)
