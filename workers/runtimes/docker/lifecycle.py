"""Starting, adopting and ending one container, so that there is never a second one of its name.

Docker's own names are the lock: two creates of one name cannot both succeed, and whoever comes
second adopts what it finds, or is refused when that is somebody else's.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from models_app.domain.failures import FailureCode, FailureError, fail
from models_app.domain.specs import Observed, WorkloadSpec
from workers.runtimes.docker import observation
from workers.runtimes.docker.errors import AbsentError, TakenError, meaning
from workers.runtimes.docker.naming import (
    INSTANCE,
    PREVIOUS,
    ROLE,
    SPEC_HASH,
    WORKLOAD,
    checked,
    is_ours,
)
from workers.runtimes.docker.network import ensure_network
from workers.runtimes.docker.transport import Client

TRIES = 6
PREVIOUS_KEPT_S = 24 * 3600.0
PAUSE_S = 0.1  # for whoever else is at it
START_S = 30.0  # an engine under load takes its time; a host that is silent is noticed by the ping


class Lifecycle:
    """The containers of one installation on one host."""

    def __init__(self, client: Client, instance: str) -> None:
        self._client = client
        self._instance = instance

    # --- looking ---------------------------------------------------------------------------

    def inspect(self, name: str) -> Mapping[str, Any] | None:
        """Return our container of that workload, also when it was renamed by hand."""
        found = self.named(checked(name))
        if found is not None and self._is_workload(found, name):
            return found
        for entry in self._list({WORKLOAD: name}):
            try:
                inspected: Mapping[str, Any] = self._client.call(
                    "GET", f"/containers/{entry['Id']}/json"
                )
            except AbsentError:
                continue
            if self._is_workload(inspected, name) and not _is_previous(inspected):
                return inspected
        return None

    def named(self, name: str) -> Mapping[str, Any] | None:
        """Return whatever has that name, ours or not."""
        try:
            found: Mapping[str, Any] = self._client.call("GET", f"/containers/{name}/json")
        except AbsentError:
            return None
        return found

    def list_owned(self) -> list[Observed]:
        """Return every workload of this installation."""
        entries = self._list({})
        workloads = [one for one in entries if WORKLOAD in (one["Labels"] or {})]
        return [observation.listed(one) for one in workloads if not _is_kept(one)]

    def _list(self, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        wanted = [f"{INSTANCE}={self._instance}", *(f"{k}={v}" for k, v in labels.items())]
        params = {"all": "true", "filters": json.dumps({"label": wanted})}
        found: list[dict[str, Any]] = self._client.call("GET", "/containers/json", params=params)
        return [one for one in found if is_ours(one["Labels"], one["Mounts"], self._instance)]

    def _is_workload(self, inspected: Mapping[str, Any], name: str) -> bool:
        labels = inspected["Config"]["Labels"] or {}
        return is_ours(labels, inspected["Mounts"], self._instance) and labels.get(WORKLOAD) == name

    # --- starting --------------------------------------------------------------------------

    def start(self, spec: WorkloadSpec, body: dict[str, Any], check: Callable[[], None]) -> None:
        """Run the workload, or adopt the one of its name that runs.

        `check` raises when something that it needs is missing; it is asked before a start only.
        """
        for attempt in range(TRIES):
            found = self.inspect(spec.name)
            if found is not None and self._adopt(found, spec, body):
                return
            if attempt == 0:
                check()
                ensure_network(self._client, self._instance)
            else:
                time.sleep(PAUSE_S * attempt)
            if found is not None:
                self.keep_as_previous(found)
            if self._create(spec, body):
                return
        raise fail(FailureCode.INTERNAL, reason="workload_name_taken", name=spec.name)

    def _adopt(self, found: Mapping[str, Any], spec: WorkloadSpec, body: Mapping[str, Any]) -> bool:
        """Return whether this very workload runs now; False when it has ended."""
        status = found["State"]["Status"]
        is_same = (found["Config"]["Labels"] or {}).get(SPEC_HASH) == spec.fingerprint()
        if status in observation.RUNNING:
            if not is_same:
                raise fail(FailureCode.INTERNAL, reason="workload_name_taken", name=spec.name)
            self._put_right(found, spec, body)
            return True
        # Made and never started: whoever made it was killed in between.
        return status == "created" and is_same and self._begin(found["Id"])

    def _put_right(
        self, found: Mapping[str, Any], spec: WorkloadSpec, body: Mapping[str, Any]
    ) -> None:
        """Undo what somebody changed by hand: its name, its limits, its being paused."""
        drift, path = observation.observed(found).drift, f"/containers/{found['Id']}"
        if "renamed" in drift and self.named(spec.name) is None:
            self._client.call("POST", f"{path}/rename", params={"name": spec.name})
        if "paused" in drift:
            self._client.call("POST", f"{path}/unpause")
        if "edited" in drift:
            limits = ("Memory", "MemorySwap", "NanoCpus", "PidsLimit")
            wished = {name: body["HostConfig"].get(name, 0) for name in limits}
            self._client.call("POST", f"{path}/update", body=wished)

    def _create(self, spec: WorkloadSpec, body: dict[str, Any]) -> bool:
        """Create and start; return False when somebody was faster with the name."""
        try:
            made = self._client.call(
                "POST", "/containers/create", params={"name": spec.name}, body=body, timeout=START_S
            )
        except TakenError as taken:
            found = self.named(spec.name)
            if found is not None and not self._is_workload(found, spec.name):
                raise self._stranger(spec.name, found) from taken
            return False
        except AbsentError as absent:
            if "network" in str(absent).lower():
                ensure_network(self._client, self._instance)
                return False
            raise fail(FailureCode.IMAGE_MISSING, image=body["Image"],
                       evidence=(str(absent),)) from absent  # fmt: skip
        return self._begin(made["Id"])

    def _begin(self, container: str) -> bool:
        """Start a container that was made; return False when it is gone."""
        for attempt in range(TRIES):
            time.sleep(PAUSE_S * attempt)
            try:
                self._client.call("POST", f"/containers/{container}/start", timeout=START_S)
            except AbsentError as absent:
                if "network" in str(absent).lower():
                    ensure_network(self._client, self._instance)
                    continue
                if self.named(container) is None:
                    return False
                self._discard(container, force=False)
                raise meaning(str(absent)) from absent
            except FailureError:
                # What cannot start would only look like a run. Not by force: if somebody else's
                # start was the one that worked, it stays.
                self._discard(container, force=False)
                raise
            return True
        return False

    def _discard(self, container: str, *, force: bool) -> None:
        """Remove a container and its output."""
        params = {"v": "true", "force": "true" if force else "false"}
        try:
            self._client.call("DELETE", f"/containers/{container}", params=params)
        except (AbsentError, TakenError):
            return

    def _stranger(self, name: str, found: Mapping[str, Any]) -> FailureError:
        image = str(found["Config"]["Image"])
        return fail(FailureCode.NAME_TAKEN, name=name, image=image, container=found["Id"][:12])

    # --- ending ----------------------------------------------------------------------------

    def end(self, name: str, *, force: bool) -> bool:
        """Ask the workload to end, or kill it; return whether it is gone. Its output is kept."""
        found = self.inspect(name)
        if found is None:
            return True
        status = found["State"]["Status"]
        if status in {"removing", "dead"}:
            return False
        if status in observation.RUNNING:
            if not force:
                self._ask(found)
                return False
            self._kill(found["Id"])
        is_gone = self.keep_as_previous(found)
        self._tidy()
        return is_gone

    def _tidy(self) -> None:
        """Remove output of runs that ended long ago: nobody reads it any more."""
        for entry in self._list({}):
            is_old = time.time() - entry["Created"] > PREVIOUS_KEPT_S
            if is_old and _is_kept(entry) and ROLE not in (entry["Labels"] or {}):
                self._discard(entry["Id"], force=False)

    def _ask(self, found: Mapping[str, Any]) -> None:
        try:
            if found["State"]["Status"] == "paused":
                self._client.call("POST", f"/containers/{found['Id']}/unpause")
            self._client.call(
                "POST", f"/containers/{found['Id']}/kill", params={"signal": "SIGTERM"}
            )
        except (AbsentError, TakenError):
            return  # it ended by itself

    def _kill(self, container: str) -> None:
        try:
            self._client.call("POST", f"/containers/{container}/kill", params={"signal": "SIGKILL"})
            self._client.call(
                "POST", f"/containers/{container}/wait", params={"condition": "not-running"}
            )
        except (AbsentError, TakenError):
            return

    def keep_as_previous(self, found: Mapping[str, Any]) -> bool:
        """Set an ended container aside, for its output; the one before it goes."""
        workload = found["Config"]["Labels"][WORKLOAD]
        name = workload + PREVIOUS
        if found["State"]["Status"] == "created":
            self._discard(found["Id"], force=False)
            return True
        self.purge(workload)
        try:
            self._client.call("POST", f"/containers/{found['Id']}/rename", params={"name": name})
        except AbsentError:
            return True
        except TakenError:
            self._discard(
                found["Id"], force=False
            )  # a stranger has that name, or somebody was faster
        return True

    def previous(self, name: str) -> Mapping[str, Any] | None:
        """Return the container of the run before, if its output is still kept."""
        found = self.named(checked(name) + PREVIOUS)
        return found if found is not None and self._is_workload(found, name) else None

    def purge(self, name: str) -> bool:
        """Delete the output that `end` keeps."""
        older = self.previous(name)
        if older is not None:
            self._discard(older["Id"], force=True)
        return True


def _is_previous(inspected: Mapping[str, Any]) -> bool:
    return str(inspected["Name"]).endswith(PREVIOUS)


def _is_kept(entry: Mapping[str, Any]) -> bool:
    labels = entry["Labels"] or {}
    return ROLE in labels or any(str(name).endswith(PREVIOUS) for name in entry["Names"])
