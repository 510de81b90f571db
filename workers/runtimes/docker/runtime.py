"""The Docker runtime: engines as containers on a host that runs a Docker engine."""

import functools
import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from models_app.domain.connections import DockerConnection, parse_connection, reachable_at
from models_app.domain.failures import (
    FailureCode,
    FailureError,
    RuntimeUnreachableError,
    fail,
)
from models_app.domain.specs import (
    ArtifactRef,
    HostFacts,
    HostUsage,
    LogLine,
    Observed,
    Transfer,
    WorkloadSpec,
    WorkloadStats,
)
from models_app.domain.store import ModelStore
from workers.runtimes.base import Ability
from workers.runtimes.docker import leaving, logs, machine, observation, stats
from workers.runtimes.docker.artifacts import Artifacts
from workers.runtimes.docker.containers import container_body
from workers.runtimes.docker.dialing import Door
from workers.runtimes.docker.errors import AbsentError, answered
from workers.runtimes.docker.helper import IMAGE as HELPER_IMAGE
from workers.runtimes.docker.helper import KEY as HELPER_KEY
from workers.runtimes.docker.helper import Helper
from workers.runtimes.docker.helping import Help
from workers.runtimes.docker.lifecycle import Lifecycle
from workers.runtimes.docker.naming import checked
from workers.runtimes.docker.pulls import Pulls
from workers.runtimes.docker.transport import API, NEWEST_API, TIMEOUT_S, Client
from workers.runtimes.process.verification import Verifier

NOTHING: Mapping[str, str] = MappingProxyType({})
API_KNOWN_S = 300.0
_apis: dict[str, tuple[str, float]] = {}  # host -> version spoken, and until when it is believed


class DockerRuntime:
    """Drives one Docker engine; see `workers/runtimes/base.py` for the contract."""

    abilities = frozenset(Ability)

    def __init__(
        self,
        *,
        connection: Mapping[str, Any] = NOTHING,
        secret: Mapping[str, str] = NOTHING,
        identity: Mapping[str, str] = NOTHING,
        workloads: Path,
        models: Path,
        instance: str,
    ) -> None:
        parsed = parse_connection("docker", connection)
        assert isinstance(parsed, DockerConnection)
        self._connection = parsed
        self._door = Door(parsed, secret, identity)
        told = json.dumps([parsed.stored(), dict(identity)], sort_keys=True)
        self._host = hashlib.sha256(told.encode()).hexdigest()[:16]
        self._instance = instance
        self._notes = workloads / ".docker"
        self._store = ModelStore(models)
        self._version = API
        self._opened: Client | None = None
        self._helped: Help | None = None
        self._observed: dict[str, str] = {}  # workload -> container

    def __enter__(self) -> Self:
        """Find out which API is spoken there. Raises RuntimeUnreachableError, FailureError."""
        self._opened = Client(self._door.dial())
        known, until = _apis.get(self._host, ("", 0.0))
        if not known or time.monotonic() > until:
            known = self._learn_version(self._opened)
        self._version = known
        self._opened.speak(known)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def greet(self, seconds: float) -> None:
        """Have it say a word, in a conversation of its own: nobody is entered yet."""
        with Client(self._door.dial()) as client:
            self._learn_version(client, seconds)

    def _learn_version(self, client: Client, seconds: float = TIMEOUT_S) -> str:
        known = _negotiated(client, seconds)
        _apis[self._host] = known, time.monotonic() + API_KNOWN_S
        return known

    @property
    def _client(self) -> Client:
        assert self._opened is not None, "not entered"
        return self._opened

    @property
    def _lifecycle(self) -> Lifecycle:
        return Lifecycle(self._client, self._instance)

    # --- the machine -----------------------------------------------------------------------

    def facts(self) -> HostFacts:
        """Return what the host is; its disk and CPU are unknown while the helper does not work."""
        with answered():
            answer, warnings = self._help.told(machine.ASK_FACTS)
            return machine.read_facts(self._client, answer, door=self._door, warnings=warnings)

    def usage(self) -> HostUsage:
        """Return how full the host is now, as far as the helper tells."""
        with answered():
            return machine.read_usage(self._help.told(machine.ASK_USAGE)[0], self._host)

    # --- artifacts and images --------------------------------------------------------------

    def ensure_artifact(self, artifact: ArtifactRef, *, seconds: float) -> Transfer:
        """Send it for at most `seconds`."""
        with answered():
            return self._artifacts().ensure(artifact, self._located(artifact), seconds=seconds)

    def remove_artifact(self, artifact: ArtifactRef) -> None:
        """Delete the host's copy."""
        with answered():
            self._artifacts().remove(artifact)

    def ensure_image(self, spec: WorkloadSpec) -> Transfer:
        """Start or poll the pull of a workload's image."""
        with answered():
            return self._image_ready(self._image_of(spec))

    # --- workloads -------------------------------------------------------------------------

    def observe(self, name: str) -> Observed | None:
        """Return the workload of that name, exited ones too, also when it was renamed by hand."""
        with answered():
            found = self._lifecycle.inspect(name)
            if found is None:
                return None
            self._observed[name] = str(found["Id"])
            return observation.observed(found)

    def list_owned(self) -> Iterable[Observed]:
        """Return every workload of this installation."""
        with answered():
            return self._lifecycle.list_owned()

    def create(self, spec: WorkloadSpec) -> None:
        """Start the workload, or adopt the one of that name that runs."""
        checked(spec.name)
        with answered():
            self._lifecycle.start(spec, self._body(spec), lambda: self._check_artifact(spec))

    def remove(self, name: str, *, force: bool) -> bool:
        """Ask the workload to end, or kill it; return whether nothing of it is left."""
        with answered():
            return self._lifecycle.end(name, force=force)

    def purge(self, name: str) -> bool:
        """Delete the output that `remove` keeps as evidence."""
        with answered():
            return self._lifecycle.purge(name)

    def leave(self) -> list[str]:
        """Take what is ours off the host; return the names of what is left."""
        with answered():
            return leaving.leave(self._client, self._instance)

    @contextmanager
    def visiting(self) -> Iterator[None]:
        """Leave the host as it was: what a look at it makes is taken away at the end."""
        with answered():
            before = leaving.present(self._client, self._instance)
        try:
            yield
        finally:
            with suppress(RuntimeUnreachableError, FailureError), answered():
                leaving.undo(self._client, self._instance, before)

    def engine_id(self) -> str:
        """Return what tells this engine from every other."""
        with answered():
            return machine.engine_id(self._client.call("GET", "/info"))

    def may_leave_behind(self) -> list[str]:
        """Return what of ours may lie on the host, without asking it."""
        return leaving.names(self._instance)

    # --- output and figures ----------------------------------------------------------------

    def tail(self, name: str, *, lines: int = 50, previous: bool = False) -> list[LogLine]:
        """Return the last lines of the workload's output, or of its previous run."""
        with answered():
            container = self._container(name, previous=previous)
            return logs.tail_lines(self._client, container, lines=lines) if container else []

    def logs(self, name: str, *, after: int, limit: int = 500) -> list[LogLine]:
        """Return lines after the offset `after` (-1: from the start)."""
        with answered():
            found = self._container(name, previous=False)
            if found is None:
                return []
            return logs.read_lines(self._client, found, after=after, limit=limit)

    def stats(self, name: str) -> WorkloadStats | None:
        """Return what the running workload uses; None when it does not run."""
        with answered():
            known = self._observed.pop(name, None)  # a moment ago, in this step: not asked again
            found = stats.read_stats(self._client, known) if known else None
            if found is not None:
                return found
            container = self._container(name, previous=False)
            return stats.read_stats(self._client, container) if container else None

    # --- parts -----------------------------------------------------------------------------

    def _container(self, name: str, *, previous: bool) -> str | None:
        lifecycle = self._lifecycle
        if previous:
            found = lifecycle.previous(name)
        else:
            found = lifecycle.inspect(name) or lifecycle.previous(name)
        return str(found["Id"]) if found else None

    def _body(self, spec: WorkloadSpec) -> dict[str, Any]:
        return container_body(
            spec, image=self._image_of(spec), instance=self._instance, publish=self._publish()
        )

    def _publish(self) -> str:
        address = self._connection.publishes_on
        return address or next(iter(reachable_at(self._connection)))

    def _image_of(self, spec: WorkloadSpec) -> str:
        if spec.image is None:
            raise fail(FailureCode.RUNTIME_UNSUPPORTED, engine=spec.engine, runtime="docker")
        return self._connection.image_of(spec.engine, spec.image)

    def _image_ready(self, image: str) -> Transfer:
        try:
            self._client.call("GET", f"/images/{image}/json")
        except AbsentError:
            return self._pulls().poll(image)
        return Transfer(0, 0, finished=True, phase="pulling")

    def _pulls(self) -> Pulls:
        dial, version = self._door.dial(), self._version
        return Pulls(self._notes / "pulls", self._host, lambda: Client(dial, version=version))

    @property
    def _help(self) -> Help:
        """The way to the helper, from a look at its image on: one of this conversation."""
        if self._helped is None:
            image = self._connection.image_of(HELPER_KEY, HELPER_IMAGE)
            helper = Helper(self._client, self._instance, image)
            pull = functools.partial(self._image_ready, image)
            self._helped = Help(helper, pull, known_as=f"{self._host} {image}")
        return self._helped

    def _helper(self) -> Helper:
        return self._help.ready()

    def _artifacts(self) -> Artifacts:
        return Artifacts(self._helper(), Verifier(self._notes / "verified"))

    def _located(self, artifact: ArtifactRef) -> Path:
        return self._store.path_of(artifact.sha256, artifact.file_name)

    def _check_artifact(self, spec: WorkloadSpec) -> None:
        if not self._artifacts().has(spec.artifact):
            raise fail(FailureCode.ARTIFACT_MISSING, file=spec.artifact.file_name)


def _negotiated(client: Client, seconds: float) -> str:
    """Return the version of the API to speak. Raises FailureError API_TOO_OLD, NOT_DOCKER."""
    with answered():
        found = client.unversioned("/version", timeout=seconds)
    newest, oldest = _version(found.get("ApiVersion")), _version(found.get("MinAPIVersion", "1.12"))
    if newest < _version(API):
        raise fail(FailureCode.API_TOO_OLD, version=found.get("ApiVersion"), needed=API)
    if oldest > _version(NEWEST_API):
        return str(found["MinAPIVersion"])
    return ".".join(map(str, min(newest, _version(NEWEST_API))))


def _version(text: Any) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in str(text).split("."))
    except ValueError:
        raise fail(FailureCode.NOT_DOCKER, evidence=(str(text)[:200],)) from None
