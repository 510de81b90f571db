"""Every program of the Connect page, run as it is shown, through the real gateway to a real model.

One Slipway for all of them: its own first deployment on llama.cpp, and a key made by its command.
C# is compiled and run by Mono, whose compiler knows C# 7; .NET itself is not on Debian.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from controlplane.web.connect import snippets
from tests.flows.house import House, wait_for
from tests.requirements import need
from tests.tools import tool

pytestmark = [pytest.mark.slow]
READY_S = 120.0
RUN_S = 120.0
MAKE_KEY = """
from models_app.domain.actors import Actor
from models_app.domain.states import Role
from models_app.models import User
from models_app.services.gateway_keys import KeyScope, gateway_key_create
admin = User.objects.get(role="admin")
actor = Actor(user_id=admin.pk, name=admin.name, role=Role.ADMIN, via="command")
print("KEY", gateway_key_create(actor, name="tests", scope=KeyScope(every_model=True))[1])
"""


@dataclass(frozen=True, slots=True)
class Served:
    """A Slipway that answers, its model's name and a key."""

    house: House
    model: str
    key: str

    def run(self, folder: Path, *command: str, **environment: str) -> str:
        """Run a program with the key in its environment; return what it printed."""
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "SLIPWAY_API_KEY": self.key, **environment},
            capture_output=True,
            text=True,
            timeout=RUN_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def snippet(self, folder: Path, key: str, file: str) -> Path:
        """Write a program as the page shows it."""
        (text,) = [one.text for one in snippets(self.house.url, self.model) if one.key == key]
        path = folder / file
        path.write_text(text + "\n")
        return path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    for name in ("valkey", "xllamacpp", "smollm2"):
        need(name)
    with House(tmp_path_factory.mktemp("connect") / "data") as house:
        house.start_and_wait()
        key = re.search(r"KEY (\S+)", house.manage("shell", "-c", MAKE_KEY))
        assert key
        model = wait_for(lambda: _answering_model(house, key[1]), READY_S, lambda: "no model")
        yield Served(house, model, key[1])


def _answering_model(house: House, key: str) -> str:
    """Return the first model that answers through the gateway, once there is one."""
    headers = {"Authorization": f"Bearer {key}"}
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    client = httpx.Client(base_url=house.url, headers=headers, timeout=RUN_S)
    with client, suppress(httpx.HTTPError):  # while it is loading
        for model in client.get("/v1/models").raise_for_status().json()["data"]:
            asked = {**body, "model": model["id"]}
            if client.post("/v1/chat/completions", json=asked).is_success:
                return str(model["id"])
    return ""


def _said(stream: str) -> str:
    """Return the text of a stream of events that ended as it should."""
    lines = [line.removeprefix("data: ") for line in stream.splitlines() if line.strip()]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    return "".join(
        choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]
    )


def test_curl(served: Served, tmp_path: Path) -> None:
    need("curl")
    path = served.snippet(tmp_path, "curl", "chat.sh")
    assert _said(served.run(tmp_path, "sh", str(path))).strip()


def test_python(served: Served, tmp_path: Path) -> None:
    path = served.snippet(tmp_path, "python", "chat.py")
    assert served.run(tmp_path, sys.executable, str(path)).strip()


def test_javascript(served: Served, tmp_path: Path) -> None:
    need("openai-js")
    package = tool("openai-js", "node_modules")
    assert package is not None
    (tmp_path / "node_modules").symlink_to(package)
    path = served.snippet(tmp_path, "javascript", "chat.mjs")
    assert served.run(tmp_path, "node", str(path)).strip()


def test_cpp(served: Served, tmp_path: Path) -> None:
    need("libcurl")
    served.snippet(tmp_path, "cpp", "chat.cpp")
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror"]
    served.run(tmp_path, "g++", *flags, "chat.cpp", "-o", "chat", "-lcurl")
    assert _said(served.run(tmp_path, str(tmp_path / "chat"))).strip()


def test_csharp(served: Served, tmp_path: Path) -> None:
    need("mono")
    served.snippet(tmp_path, "csharp", "Program.cs")
    served.run(tmp_path, "mcs", "-warnaserror", "-r:System.Net.Http", "Program.cs")
    assert _said(served.run(tmp_path, "mono", "Program.exe")).strip()


def test_a_program_without_a_good_key_is_told_so(served: Served, tmp_path: Path) -> None:
    need("curl")
    path = served.snippet(tmp_path, "curl", "chat.sh")
    done = subprocess.run(
        [shutil.which("sh") or "sh", str(path)],
        env={**os.environ, "SLIPWAY_API_KEY": "slip_no_such"},
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    assert done.returncode != 0
    assert json.loads(done.stdout)["error"]["code"] == "invalid_api_key"
