"""A real Ollama server of a test's own: on loopback, its models in a folder of the test."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx

from models_app.domain.specs import ArtifactRef
from tests.flows.house import free_port
from tests.requirements import need
from tests.smollm2 import smollm2_file
from tests.tools import tool

START_S = 30.0


class OllamaHouse:
    """Starts, stops and freezes one server. Use as a context manager."""

    def __init__(self, folder: Path, *, address: str = "127.0.0.1", **settings: str) -> None:
        need("ollama")
        self.folder = folder
        self.address = address
        self.port = free_port()
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "OllamaHouse":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://{self.address}:{self.port}"

    @property
    def pid(self) -> int:
        """The server's process; those of loaded models are its children."""
        assert self._process is not None
        return self._process.pid

    @property
    def connection(self) -> dict[str, Any]:
        """How a host row says it."""
        return {"url": self.url}

    @property
    def blobs(self) -> Path:
        """Where its files lie."""
        return self.folder / "models/blobs"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(tool("ollama", "ollama")), "serve"],
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(self.folder),
                    "OLLAMA_HOST": f"{self.address}:{self.port}",
                    "OLLAMA_MODELS": str(self.folder / "models"),
                    "OLLAMA_NO_CLOUD": "1",
                    **self._settings,
                },
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + START_S
        while not self.answers():
            assert time.monotonic() < until, self.log()
            time.sleep(0.05)

    def answers(self) -> bool:
        """Return whether it answers."""
        try:
            return httpx.get(f"{self.url}/api/version", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """End it and the runners that it started."""
        if self._process is None:
            return
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)
        self._process = None

    def make(self, name: str, artifact: ArtifactRef, **fields: Any) -> None:
        """Make a model of a file as somebody else would, without our own code."""
        digest = f"sha256:{artifact.sha256}"
        content = smollm2_file().read_bytes()
        httpx.post(f"{self.url}/api/blobs/{digest}", content=content, timeout=60)
        body = {"model": name, "files": {"model.gguf": digest}, "stream": False, **fields}
        httpx.post(f"{self.url}/api/create", json=body, timeout=60).raise_for_status()

    def copy(self, source: str, name: str) -> None:
        """Give a model another name as well."""
        body = {"source": source, "destination": name}
        httpx.post(f"{self.url}/api/copy", json=body, timeout=30).raise_for_status()

    def delete(self, name: str) -> None:
        """Take a name away, if it is there."""
        httpx.request("DELETE", f"{self.url}/api/delete", json={"model": name}, timeout=30)

    def load(self, name: str) -> None:
        """Bring a model into memory."""
        body = {"model": name, "keep_alive": 300}
        httpx.post(f"{self.url}/api/generate", json=body, timeout=120).raise_for_status()

    def names(self) -> list[str]:
        """Return the names of what lies there, asked without our own code."""
        models = httpx.get(f"{self.url}/api/tags", timeout=5).json()["models"]
        return sorted(model["name"] for model in models)

    def loaded(self) -> list[str]:
        """Return the names of what is in its memory."""
        models = httpx.get(f"{self.url}/api/ps", timeout=5).json()["models"]
        return sorted(model["name"] for model in models)

    def modelfile(self, name: str) -> str:
        """Return what a model is made of, in the server's words."""
        answer = httpx.post(f"{self.url}/api/show", json={"model": name}, timeout=5)
        return str(answer.raise_for_status().json()["modelfile"])

    def log(self) -> str:
        """Return what it wrote."""
        return (self.folder / "serve.log").read_text(errors="replace")
