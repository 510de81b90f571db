"""Stands in for many Docker engines in one process: enough of the HTTP API for a steady host.

`python -m benchmarks.docker_stand_in FLEET.json` serves every host of the file on a port of its own
(and one port for all engines in the containers), then prints `ready`. A host that is
`silent` takes connections and never says a word. Answers hold the fields that the runtime reads.
"""

import asyncio
import json
import re
import struct
import sys
import time
from pathlib import Path
from typing import Any

from workers.runtimes.docker.naming import INSTANCE, volume_name

FIGURES = """==memory
MemTotal:       65536000 kB
MemAvailable:   60000000 kB
==stat
cpu  100 0 100 {ticks} 0 0 0 0 0 0
==disk
/dev/sda1 100000000 1000000 99000000 1% /models
==cpu
model name : Stand-in
==gpu
"""
METRICS = "llamacpp:prompt_tokens_total 10\nllamacpp:tokens_predicted_total 10\n"
_VERSION = re.compile(r"^/v1\.\d+")


class Host:
    """One engine: its containers by name and by id."""

    def __init__(self, told: dict[str, Any], engine_port: int) -> None:
        self.port = told["port"]
        self.is_silent = told.get("silent", False)
        self.found = {}
        for number, one in enumerate(told["containers"]):
            made = container(one, identity_of(told["port"], number), engine_port)
            self.found[one["name"]] = self.found[made["Id"]] = made

    def answer(self, method: str, path: str) -> tuple[int, bytes]:
        """Return status and body."""
        path = _VERSION.sub("", path.partition("?")[0])
        if path in _PLAIN:
            return _json(_PLAIN[path])
        if path == "/containers/json":
            return _json([listed(one) for key, one in self.found.items() if key == one["Id"]])
        if path.startswith("/exec/"):
            return self._exec(path)
        name, _, what = path.removeprefix("/containers/").partition("/")
        if method == "POST" and what == "exec":
            return _json({"Id": "figures"}, 201)
        one = self.found.get(name)
        if one is None:
            return _json({"message": f"No such container: {name}"}, 404)
        return _json(_STATS if what == "stats" else one)

    def _exec(self, path: str) -> tuple[int, bytes]:
        if path.endswith("/json"):
            return _json({"ExitCode": 0})
        text = FIGURES.format(ticks=int(time.time() * 100)).encode()
        return 200, struct.pack(">BxxxL", 1, len(text)) + text


def identity_of(port: int, number: int) -> str:
    """Return the id of a host's container, by its place in the list."""
    return f"{port:06d}{number:04d}".ljust(64, "0")


def container(one: dict[str, Any], identity: str, engine_port: int) -> dict[str, Any]:
    """Return what `inspect` says."""
    binding = [{"HostIp": "127.0.0.1", "HostPort": str(engine_port)}]
    return {
        "Id": identity,
        "Name": f"/{one['name']}",
        "Created": "2026-01-01T00:00:00.000000000Z",
        "State": {"Status": "running", "StartedAt": "2026-01-01T00:00:01.000000000Z"},
        "Config": {"Labels": one["labels"], "Image": one.get("image", "stand-in")},
        "HostConfig": {},
        "Mounts": [{"Type": "volume", "Name": volume_name(one["labels"][INSTANCE])}],
        "NetworkSettings": {"Ports": {"8080/tcp": binding}},
        "Ports": [
            {"IP": "127.0.0.1", "PrivatePort": 8080, "PublicPort": engine_port, "Type": "tcp"}
        ],
    }


def listed(one: dict[str, Any]) -> dict[str, Any]:
    """Return what a list says."""
    return {
        "Id": one["Id"],
        "Names": [one["Name"]],
        "Labels": one["Config"]["Labels"],
        "Mounts": one["Mounts"],
        "State": "running",
        "Created": 1767225600,
        "Ports": one["Ports"],
    }


_INFO = {
    "Name": "stand-in",
    "OperatingSystem": "Linux",
    "Architecture": "x86_64",
    "NCPU": 8,
    "MemTotal": 64 << 30,
    "LiveRestoreEnabled": True,
    "MemoryLimit": True,
    "CpuCfsQuota": True,
}
_PLAIN = {
    "/info": _INFO,
    "/version": {"ApiVersion": "1.47", "MinAPIVersion": "1.24", "Version": "27.0.0"},
}
_STATS = {
    "memory_stats": {"usage": 200 << 20, "stats": {"anon": 100 << 20, "file_mapped": 0}},
    "cpu_stats": {"cpu_usage": {"total_usage": 10**9}},
}


def _json(value: Any, status: int = 200) -> tuple[int, bytes]:
    return status, json.dumps(value).encode()


def _engine(_method: str, path: str) -> tuple[int, bytes]:
    if path == "/metrics":
        return 200, METRICS.encode()
    return _json({"status": "ok"})


async def serve(answer: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak HTTP/1.1 on one connection until it is closed."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            method, path, _ = head.split(b" ", 2)
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if length:
                await reader.readexactly(int(length.group(1)))
            status, body = answer(method.decode(), path.decode())
            writer.write(
                f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
            )
            writer.write(body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def silence(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.sleep(3600)


async def main(fleet: dict[str, Any]) -> None:
    """Listen on every port of the fleet."""

    def speaking(answer: Any) -> Any:
        return lambda reader, writer: serve(answer, reader, writer)

    port = fleet["engine_port"]
    servers = [await asyncio.start_server(speaking(_engine), "127.0.0.1", port)]
    for told in fleet["hosts"]:
        host = Host(told, port)
        how = silence if host.is_silent else speaking(host.answer)
        servers.append(await asyncio.start_server(how, "127.0.0.1", host.port, backlog=256))
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
