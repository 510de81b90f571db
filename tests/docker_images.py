"""Container images for tests, stacked from a small Debian and the real engines; no registry needed.

Each has the same entry point, port and health check as the public image whose name it bears, so
that what is planned for the public one runs on it unchanged. An image is written as the archive
that `docker load` reads; `docker_registry.py` serves the same layers over HTTP.
"""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.tools import tool, tools_folder

ROOT = Path(__file__).resolve().parents[1]
CREATED = "2026-01-01T00:00:00Z"
LLAMACPP = "ghcr.io/ggml-org/llama.cpp:server"
OLLAMA = "ollama/ollama:0.17.4"
FAKE = "slipway/fake-engine:1"
BUSYBOX = "busybox:1.37"
DEBIAN = "slipway/debian:bookworm"
APPLETS = frozenset(
    {"sh", "sleep", "sha256sum", "df", "mv", "rm", "cat", "stat", "mkdir", "ls", "find", "sync"}
    | {"wget", "touch", "test", "dd", "sort", "head", "chmod", "echo", "id", "true"}
)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: an uncompressed tar and its digest."""

    path: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Image:
    """What `docker load` needs of one image."""

    name: str
    layers: tuple[Layer, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> bytes:
        """The image's own description; its sha256 is the image's id."""
        return json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "created": CREATED,
                "config": dict(self.settings),
                "rootfs": {"type": "layers", "diff_ids": [one.digest for one in self.layers]},
                "history": [{"created": CREATED, "created_by": "slipway"} for _ in self.layers],
            },
            sort_keys=True,
        ).encode()

    def write_archive(self, to: Path) -> Path:
        """Write the archive for `docker load`; the layers enter as links."""
        config = self.config
        name = f"{hashlib.sha256(config).hexdigest()}.json"
        layers = [f"{one.digest.removeprefix('sha256:')}/layer.tar" for one in self.layers]
        manifest = [{"Config": name, "RepoTags": [self.name], "Layers": layers}]
        with tarfile.open(to, "w") as archive:
            _add_bytes(archive, name, config)
            for inside, layer in zip(layers, self.layers, strict=True):
                archive.add(layer.path, arcname=inside)
            _add_bytes(archive, "manifest.json", json.dumps(manifest).encode())
        return to


def image(name: str) -> Image:
    """Return one of the images named above. Raises LookupError when its tool was not built."""
    return _MAKERS[name]()


def are_buildable(*names: str) -> bool:
    """Return whether the tools of these images are there."""
    try:
        for name in names or _MAKERS:
            image(name)
    except LookupError:
        return False
    return True


def _llamacpp() -> Image:
    server = _tool("llama.cpp", "llama-server")
    health = ["CMD", "curl", "-f", "http://localhost:8080/health"]
    settings = {
        "Entrypoint": ["/app/llama-server"],
        "WorkingDir": "/app",
        "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LLAMA_ARG_HOST=0.0.0.0"],
        "Healthcheck": {"Test": health},
    }
    return Image(LLAMACPP, (_base(), _layer({"app/llama-server": server})), settings)


def _ollama() -> Image:
    server = _tool("ollama", "ollama")
    settings = {
        "Entrypoint": ["/bin/ollama"],
        "Cmd": ["serve"],
        "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "OLLAMA_HOST=0.0.0.0:11434"],
        "ExposedPorts": {"11434/tcp": {}},
    }
    return Image(OLLAMA, (_base(), _layer({"usr/bin/ollama": server})), settings)


def _fake() -> Image:
    folder = ROOT / "workers" / "engines" / "fake"
    code = {f"app/workers/engines/fake/{one.name}": one for one in sorted(folder.glob("*.py"))}
    for package in ("workers", "workers/engines"):
        code[f"app/{package}/__init__.py"] = ROOT / package / "__init__.py"
    settings = {
        "Entrypoint": ["/usr/bin/python3", "-S", "-m", "workers.engines.fake.serve"],
        "WorkingDir": "/app",
        "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONDONTWRITEBYTECODE=1"],
    }
    return Image(FAKE, (_base(), _layer(code)), settings)


def _busybox() -> Image:
    binary = _tool("debian", "busybox")
    layer = _layer({"bin/busybox": binary}, links={f"bin/{one}": "busybox" for one in APPLETS})
    return Image(BUSYBOX, (layer,), {"Cmd": ["sh"], "Env": ["PATH=/bin"]})


def _debian() -> Image:
    return Image(DEBIAN, (_base(),), {"Cmd": ["sh"], "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]})


_MAKERS = {
    LLAMACPP: _llamacpp,
    OLLAMA: _ollama,
    FAKE: _fake,
    BUSYBOX: _busybox,
    DEBIAN: _debian,
}


def _tool(family: str, name: str) -> Path:
    found = tool(family, name)
    if found is None:
        raise LookupError(f"{name} was not built: .ci/build_tools")
    return found


@cache
def _base() -> Layer:
    path = _tool("debian", "base.tar")
    noted = path.with_suffix(".digest")
    if not noted.exists():
        _write_whole(noted, _digest(path).encode())
    return Layer(path, noted.read_text())


def _layer(files: Mapping[str, Path], links: Mapping[str, str] | None = None) -> Layer:
    """Return a cached layer with these files, each readable and executable by everybody."""
    key = hashlib.sha256(repr(sorted((links or {}).items())).encode())
    for inside, path in sorted(files.items()):
        key.update(f"{inside}\0{_digest(path)}\0".encode())
    to = tools_folder() / "layers" / f"{key.hexdigest()[:24]}.tar"
    if not to.exists():
        to.parent.mkdir(parents=True, exist_ok=True)
        part = to.with_suffix(f".{os.getpid()}")
        folders = {parent for one in [*files, *(links or {})] for parent in Path(one).parents}
        with tarfile.open(part, "w") as archive:
            for folder in sorted(map(str, folders - {Path()})):
                entry = tarfile.TarInfo(folder)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
            for inside, path in sorted(files.items()):
                archive.add(path, arcname=inside, filter=_plain)
            for inside, target in sorted((links or {}).items()):
                link = tarfile.TarInfo(inside)
                link.type, link.linkname = tarfile.SYMTYPE, target
                archive.addfile(link)
        part.rename(to)
    return Layer(to, _digest(to))


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime, entry.mode = 0, 0o755
    return entry


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _write_whole(path: Path, content: bytes) -> None:
    part = path.with_suffix(f".{os.getpid()}")
    part.write_bytes(content)
    part.rename(path)
