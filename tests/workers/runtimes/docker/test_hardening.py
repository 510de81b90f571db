"""What Docker made of a spec, field by field: whatever is not named here must be absent."""

import json
from dataclasses import replace
from typing import Any

import pytest

from models_app.domain.failures import FailureCode, FailureError
from tests.runtime_sites import DockerSite
from tests.workloads import wait_ready
from workers.runtimes.docker.containers import container_body
from workers.runtimes.docker.naming import helper_name, network_name, volume_name

pytestmark = pytest.mark.slow
NOTHING: tuple[Any, ...] = (None, False, 0, "", [], {})
MIB = 1 << 20


def allowed(site: DockerSite, *, network: str, read_only: bool) -> dict[str, Any]:
    """Every field of HostConfig that has a value."""
    mount = {"Type": "volume", "Source": volume_name(site.instance), "Target": "/models"}
    return {
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "ReadonlyRootfs": True,
        "NetworkMode": network,
        "IpcMode": "private",
        "CgroupnsMode": "private",
        "Isolation": "",
        "Runtime": "runc",
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
        "Mounts": [{**mount, "ReadOnly": True} if read_only else mount],
        "ShmSize": 64 * MIB,
        "ConsoleSize": [0, 0],
    }


DEFAULTS = {"MaskedPaths", "ReadonlyPaths"}  # Docker's own, and never empty


def check(host_config: dict[str, Any], expected: dict[str, Any]) -> None:
    for name in DEFAULTS:
        assert host_config[name], name
    found = {k: v for k, v in host_config.items() if k not in DEFAULTS}
    for name in {*found, *expected}:
        wanted = expected.get(name)
        assert found.get(name) == wanted or (wanted is None and found.get(name) in NOTHING), (
            f"{name}: {found.get(name)!r}"
        )


def test_an_engine_may_do_what_it_needs_and_nothing_else(site: DockerSite) -> None:
    spec = replace(site.spec(memory_limit_mb=128), cpus=0.5)
    site.runtime.create(spec)
    wait_ready(site.runtime, site.name)
    found = site.inspect(site.name)
    network = network_name(site.instance)
    expected = allowed(site, network=network, read_only=True) | {
        "Memory": 128 * MIB,
        "MemorySwap": 128 * MIB,
        "NanoCpus": 500_000_000,
        "PidsLimit": 4096,
        "Tmpfs": {"/tmp": f"rw,nosuid,nodev,size={1 << 30},mode=1777"},  # noqa: S108
        "PortBindings": {"8080/tcp": [{"HostIp": site.engine.address, "HostPort": "0"}]},
    }
    check(found["HostConfig"], expected)
    assert found["Config"]["User"] == "65534:65534"
    assert not found["Config"]["Volumes"]
    assert list(found["NetworkSettings"]["Networks"]) == [network]
    ((port, (binding,)),) = found["NetworkSettings"]["Ports"].items()
    assert (port, binding["HostIp"]) == ("8080/tcp", site.engine.address)
    (mount,) = found["Mounts"]
    assert (mount["Type"], mount["Destination"], mount["RW"]) == ("volume", "/models", False)
    labels = found["Config"]["Labels"]
    assert labels["dev.slipway.instance"] == site.instance
    assert labels["dev.slipway.spec"] == spec.fingerprint()


def test_the_helper_has_no_network_and_no_rights_either(site: DockerSite) -> None:
    site.runtime.usage()
    found = site.inspect(helper_name(site.instance))
    expected = allowed(site, network="none", read_only=False)
    limits = {"Memory": 1024 * MIB, "MemorySwap": 1024 * MIB, "PidsLimit": 64}
    check(found["HostConfig"], expected | limits)


def test_rights_hold_inside(site: DockerSite) -> None:
    site.runtime.create(site.spec())
    wait_ready(site.runtime, site.name)
    inside = site.engine.docker("exec", site.name, "cat", "/proc/1/status").splitlines()
    status = dict(line.split(":\t", 1) for line in inside if ":\t" in line)
    assert status["Uid"].split()[0] == "65534"
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    for path in ("/x", "/models/x", "/etc/x"):
        tried = site.engine.docker("exec", site.name, "python3", "-c", f"open({path!r}, 'w')",
                                   check=False)  # fmt: skip
        assert tried == ""
        there = site.engine.docker("exec", site.name, "ls", path, check=False)
        assert there == ""


def test_the_network_lets_nothing_out_and_no_two_talk(site: DockerSite) -> None:
    site.runtime.create(site.spec())
    wait_ready(site.runtime, site.name)
    found = json.loads(site.engine.docker("network", "inspect", network_name(site.instance)))[0]
    assert found["Options"] == {
        "com.docker.network.bridge.enable_icc": "false",
        "com.docker.network.bridge.enable_ip_masquerade": "false",
    }
    assert found["Labels"]["dev.slipway.instance"] == site.instance


def test_words_of_a_wish_stay_words(site: DockerSite) -> None:
    spec = replace(site.spec(), argv=("--alias", "$(id); --privileged", "{model}", "{other}"))
    body = container_body(spec, image="x", instance=site.instance, publish="127.0.0.1")
    assert body["Cmd"][:2] == ["--alias", "$(id); --privileged"]
    assert body["Cmd"][2].startswith("/models/")
    assert body["Cmd"][3] == "{other}"
    assert not {"Privileged", "Binds", "Devices", "PidMode"} & {
        name for name, value in body["HostConfig"].items() if value
    }


def test_an_address_that_the_host_does_not_have_is_told(site: DockerSite) -> None:
    spec = site.spec()
    body = container_body(
        spec, image=spec.image or "", instance=site.instance, publish="198.51.100.7"
    )
    lifecycle = site.runtime._lifecycle
    with pytest.raises(FailureError) as told:
        lifecycle.start(spec, body, lambda: None)
    assert told.value.failure.code == FailureCode.PUBLISH_ADDRESS
    assert site.runtime.observe(site.name) is None
