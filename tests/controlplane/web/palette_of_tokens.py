"""Reads tokens.css and computes contrast as WCAG 2 defines it."""

import re
from pathlib import Path

from controlplane.settings.env import ROOT

STATIC = ROOT / "controlplane" / "static" / "slipway"
_PAIR = re.compile(r"--([a-z-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)")
_TINT = 0.10


def tokens(path: Path = STATIC / "tokens.css") -> dict[str, dict[str, str]]:
    """Colours by theme and name."""
    found = _PAIR.findall(path.read_text())
    return {
        "light": {name: light for name, light, _dark in found},
        "dark": {name: dark for name, _light, dark in found},
    }


def _channels(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def mixed(colour: str, ground: str, share: float = _TINT) -> str:
    """The colour at `share` over the ground, as color-mix in sRGB gives it."""
    pairs = zip(_channels(colour), _channels(ground), strict=True)
    return "#" + "".join(f"{round(255 * (c * share + g * (1 - share))):02x}" for c, g in pairs)


def luminance(colour: str) -> float:
    """Relative luminance."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio, 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
