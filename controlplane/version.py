"""The version of this Slipway, from the one place that says it."""

import tomllib

from controlplane.settings.env import ROOT

VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
