"""The equipment itself: what the Docker tests stand on."""

import subprocess
from pathlib import Path

import pytest

from tests.docker_engine import DockerEngine, new_engine
from tests.docker_images import BUSYBOX, FAKE, LLAMACPP, OLLAMA
from tests.requirements import need

pytestmark = pytest.mark.slow


def test_the_shared_engine_runs_what_is_loaded(docker_engine: DockerEngine) -> None:
    docker_engine.load(BUSYBOX)
    assert docker_engine.docker("run", "--rm", BUSYBOX, "echo", "here") == "here"


@pytest.mark.parametrize("name", [LLAMACPP, OLLAMA, FAKE])
def test_the_engines_start_in_their_images(docker_engine: DockerEngine, name: str) -> None:
    need("llama-server" if name == LLAMACPP else "ollama" if name == OLLAMA else "docker")
    docker_engine.load(name)
    flag = "--version" if name == OLLAMA else "--help"
    assert docker_engine.docker("run", "--rm", name, flag)


def test_a_machine_has_its_own_address_doors_and_plug() -> None:
    need("docker")
    with new_engine(machine=True, tls=True, ssh=True) as engine:
        assert _reaches(engine.address)
        engine.unplug()
        assert not _reaches(engine.address)
        engine.plug_in()
        assert _reaches(engine.address)
        assert engine.tls
        door = engine.tls.folder
        (door / "client.pem").write_text(engine.tls.client.certificate_pem)
        (door / "client.key").write_text(engine.tls.client.key_pem)
        options = ["--tlsverify", "--tlscacert", "ca.pem", "--tlscert", "client.pem"]
        command = ["docker", *options, "--tlskey", "client.key", "-H"]
        subprocess.run([*command, f"tcp://{engine.address}:2376", "version"], cwd=door, check=True)
        folder = engine.folder
    assert not folder.exists()
    assert str(folder) not in Path("/proc/mounts").read_text()


def _reaches(address: str) -> bool:
    command = ["bash", "-c", f"exec 3<>/dev/tcp/{address}/2376"]
    done = subprocess.run(["timeout", "2", *command], capture_output=True, check=False)
    return done.returncode == 0
