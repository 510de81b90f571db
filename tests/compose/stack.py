"""The whole of compose/compose.yaml on a test's Docker engine.

Real: the engine, Compose, Slipway's own image built from compose/Dockerfile, PostgreSQL, Valkey.
Simulated: the public base images, which no registry gives here (the Dockerfiles beside this file).
"""

import os
import shutil
import ssl
import subprocess
from pathlib import Path

from tests.docker_engine import DockerEngine
from tests.docker_images import DEBIAN
from tests.tools import tool

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
BUILD_S = 900
UP_S = 300
PASSWORD = "a-long-random-one"
BASE, SLIPWAY, SERVICES = (f"slipway-test/{name}:1" for name in ("python", "slipway", "services"))


class Stack:
    """Compose's commands for one project."""

    def __init__(self, engine: DockerEngine, folder: Path) -> None:
        self.engine = engine
        self.front, self.gateway = (f"http://{engine.address}:{p}" for p in (8400, 8401))
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DOCKER_HOST": engine.url,
            "SLIPWAY_IMAGE": SLIPWAY,
            "SLIPWAY_POSTGRES_IMAGE": SERVICES,
            "SLIPWAY_VALKEY_IMAGE": SERVICES,
            "SLIPWAY_DATABASE_PASSWORD": PASSWORD,
            "SLIPWAY_PUBLISH": f"{engine.address}:8400",
            "SLIPWAY_GATEWAY_PUBLISH": f"{engine.address}:8401",
            "SLIPWAY_URL": self.front,
        }

    def compose(
        self, *arguments: str, check: bool = True, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker compose` with these arguments."""
        done = subprocess.run(
            self._command(*arguments),
            cwd=ROOT,
            env=self._environment | settings,
            capture_output=True,
            text=True,
            timeout=UP_S,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr[-3000:]
        return done

    def piped(self, file: Path, *arguments: str, is_input: bool = False) -> None:
        """Run `docker compose` with a file as its input, or with its output in a file."""
        with file.open("rb" if is_input else "wb") as pipe:
            done = subprocess.run(
                self._command(*arguments),
                cwd=ROOT,
                env=self._environment,
                stdin=pipe if is_input else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if is_input else pipe,
                stderr=subprocess.PIPE,
                timeout=UP_S,
                check=False,
            )
        assert done.returncode == 0, done.stderr[-3000:]

    def containers(self) -> list[str]:
        """Return the ids of all that run."""
        return self.compose("--profile", "gateway", "ps", "--quiet").stdout.split()

    @staticmethod
    def _command(*arguments: str) -> list[str]:
        program = str(tool("compose", "docker-compose"))
        return [program, "-f", "compose/compose.yaml", *arguments]

    def manage(self, *arguments: str) -> str:
        """Run `manage.py` inside the front door's container; return what it printed."""
        inside = ("exec", "-T", "slipway", "python", "manage.py", *arguments)
        return self.compose(*inside).stdout.strip()


def build_images(builder: DockerEngine, folder: Path, to: DockerEngine) -> None:
    """Build Slipway's image as its Dockerfile says, and the stand-ins; bring them to an engine.

    `builder` is on this machine's own network, where the packages are; `to` is on one of its own.
    """
    context = folder / "context"
    shutil.copytree(HERE, context, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    trusted = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    shutil.copy(trusted, context / "certificates.crt")
    builder.load(DEBIAN)
    _build(builder, BASE, context / "base.Dockerfile", context)
    _build(builder, SLIPWAY, ROOT / "compose" / "Dockerfile", ROOT, BASE=BASE)
    services = context / "services.Dockerfile"
    _build(builder, SERVICES, services, context, BASE=BASE, SLIPWAY=SLIPWAY)
    archive = folder / "images.tar"
    builder.docker("save", "--output", str(archive), SLIPWAY, SERVICES, timeout=BUILD_S)
    to.docker("load", "--quiet", "--input", str(archive), timeout=BUILD_S)
    archive.unlink()


def _build(engine: DockerEngine, name: str, file: Path, context: Path, **given: str) -> None:
    options = [f"--build-arg={key}={value}" for key, value in given.items()]
    # The machine's own network: the test engine gives its containers none that leads out.
    command = ["docker", "-H", engine.url, "build", "--network=host", f"--file={file}"]
    done = subprocess.run(
        [*command, f"--tag={name}", *options, str(context)],
        env=os.environ | {"DOCKER_BUILDKIT": "0"},
        capture_output=True,
        text=True,
        timeout=BUILD_S,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
