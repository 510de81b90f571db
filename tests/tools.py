"""The real engines that `.ci/build_tools` made, in a cache folder outside the checkout."""

import os
from pathlib import Path


def tools_folder() -> Path:
    """Return where they lie; the same rule as in `.ci/build_tools`."""
    named = os.environ.get("SLIPWAY_TOOLS")
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(named) if named else Path(cache) / "slipway" / "tools"


def tool(family: str, name: str) -> Path | None:
    """Return a tool's file, of the newest version there is: `tool("llama.cpp", "llama-server")`."""
    found = sorted(tools_folder().glob(f"{family}-*/{name}"))
    return found[-1] if found else None
