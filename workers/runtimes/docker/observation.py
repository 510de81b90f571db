"""What Docker says of a container, as the rest of Slipway reads it. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from models_app.domain.specs import Observed
from workers.runtimes.docker.containers import PORT, limits_text, owner_part
from workers.runtimes.docker.naming import LIMITS, SPEC_HASH, WORKLOAD

_FRACTION = re.compile(r"\.(\d+)")
RUNNING = frozenset({"running", "paused", "restarting"})


def observed(inspected: Mapping[str, Any]) -> Observed:
    """Return a container of ours. One that was made and never started counts as ended."""
    state, labels = inspected["State"], inspected["Config"]["Labels"] or {}
    running = state["Status"] in RUNNING
    return Observed(
        name=labels[WORKLOAD],
        external_id=inspected["Id"],
        spec_hash=labels.get(SPEC_HASH, ""),
        running=running,
        address=_address(inspected) if running else None,
        started_at=seconds(state.get("StartedAt")) or seconds(inspected.get("Created")),
        exit_code=None if running or state["Status"] == "created" else state.get("ExitCode"),
        out_of_memory=bool(state.get("OOMKilled")) and not running,
        labels=owner_part(labels),
        drift=_drift(inspected, labels),
    )


def _drift(inspected: Mapping[str, Any], labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return what somebody changed by hand."""
    config = inspected["HostConfig"]
    limits = limits_text(
        config.get("Memory") or 0, config.get("NanoCpus") or 0, config.get("PidsLimit") or 0
    )
    holds = {
        "renamed": inspected["Name"] != f"/{labels[WORKLOAD]}",
        "edited": labels.get(LIMITS, limits) != limits,
        "paused": inspected["State"]["Status"] == "paused",
    }
    return tuple(name for name, is_so in holds.items() if is_so)


def listed(entry: Mapping[str, Any]) -> Observed:
    """Return a container of ours from a list, which tells less: no address of the exited."""
    labels = entry["Labels"] or {}
    running = entry["State"] in RUNNING
    return Observed(
        name=labels[WORKLOAD],
        external_id=entry["Id"],
        spec_hash=labels.get(SPEC_HASH, ""),
        running=running,
        address=_listed_address(entry) if running else None,
        started_at=float(entry["Created"]),
        labels=owner_part(labels),
        drift=() if f"/{labels[WORKLOAD]}" in entry["Names"] else ("renamed",),
    )


def seconds(text: str | None) -> float | None:
    """Return a moment of Docker's in seconds since the epoch; None for its year 1."""
    if not text or text.startswith("0001-"):
        return None
    whole = _FRACTION.sub("", text).replace("Z", "+00:00")
    fraction = _FRACTION.search(text)
    part = float(f"0.{fraction.group(1)}") if fraction else 0.0
    return datetime.fromisoformat(whole).astimezone(UTC).timestamp() + part


def _address(inspected: Mapping[str, Any]) -> str | None:
    ports = (inspected.get("NetworkSettings") or {}).get("Ports") or {}
    for binding in ports.get(f"{PORT}/tcp") or ():
        return _join(binding["HostIp"], binding["HostPort"])
    return None


def _listed_address(entry: Mapping[str, Any]) -> str | None:
    for port in entry.get("Ports") or ():
        if port.get("PrivatePort") == PORT and port.get("PublicPort"):
            return _join(port["IP"], str(port["PublicPort"]))
    return None


def _join(address: str, port: str) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
