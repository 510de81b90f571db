"""The Runtime seam: WHERE to run it.

A runtime drives one host. It maps every SDK or system error to `RuntimeUnreachableError` (nothing
can be concluded; retry) or `FailureError` (the host answered and refuses).
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from models_app.domain.specs import (
    ArtifactRef,
    HostedDetails,
    HostedModel,
    HostFacts,
    HostUsage,
    LogLine,
    Observed,
    Transfer,
    WorkloadSpec,
    WorkloadStats,
)
from workers.clients.engine_http import Entry


class Ability(StrEnum):
    """What some kinds of host cannot do. The contract suite holds a runtime to what it names, and
    to saying nothing (None, an empty list) of what it does not name.
    """

    MACHINE = "machine"  # tells processor, memory and disk of the whole machine
    PROCESSES = "processes"  # a workload is a process: it ends, writes, takes processor time
    FILES = "files"  # an artifact lies there as a file at a path
    LABELS = "labels"  # a workload carries all of its labels, not the installation's alone


class Runtime(Protocol):
    """What every runtime SHALL do; `tests/contracts/test_runtimes.py` holds each one to it.

    Every method is bounded in time (10 s unless said otherwise) and safe to repeat after a crash at
    any point. A runtime is opened as a context manager for one reconcile step.

    It is made with keywords: `connection`, `secret` and `identity` of the host, the folders
    `workloads` and `models`, and `instance`, which marks what is ours. `domain.connections` parses
    the first, `domain.host_secrets` says what the second holds, `domain.identities` compares.
    A host that shows another identity than the pinned one SHALL be refused with IDENTITY_CHANGED
    before anything secret is sent to it; what it showed goes into `HostFacts.identity`.
    """

    @property
    def abilities(self) -> frozenset[Ability]:
        """Return what this kind of host can do. SHALL be constant."""
        ...

    def __enter__(self) -> Self:
        """Open the connection. SHALL raise RuntimeUnreachableError when there is none."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection and leave no secret behind."""
        ...

    def facts(self) -> HostFacts:
        """Return what the host is."""
        ...

    def usage(self) -> HostUsage:
        """Return how full the host is now."""
        ...

    def observe(self, name: str) -> Observed | None:
        """Return the workload of that name, exited ones too; None when there is none.

        SHALL NOT create or change anything.
        """
        ...

    def list_owned(self) -> Iterable[Observed]:
        """Return every workload that carries our instance label. Orphans are found here."""
        ...

    def ensure_artifact(self, artifact: ArtifactRef, *, seconds: float) -> Transfer:
        """Bring the artifact to the host, for at most `seconds`; call again until finished.

        SHALL verify size and sha256 before it says finished, and SHALL NOT leave a half file under
        the final name.
        """
        ...

    def remove_artifact(self, artifact: ArtifactRef) -> None:
        """Forget the host's copy. Absent is success. SHALL NOT touch the model store."""
        ...

    def ensure_image(self, spec: WorkloadSpec) -> Transfer:
        """Start or poll the pull of a workload's image; finished at once where there are no images.

        The pull SHALL survive the step that started it, and be the only one of that image there.
        """
        ...

    def create(self, spec: WorkloadSpec) -> None:
        """Start the workload. If one of that name with the same fingerprint runs, adopt it: done.

        SHALL NOT start a second one of that name, whoever else is trying at the same moment.
        """
        ...

    def remove(self, name: str, *, force: bool) -> bool:
        """Ask the workload to end (`force`: end it now); return whether nothing of it is left.

        Absent is success. SHALL return at once: the caller asks again, and forces after the grace.
        """
        ...

    def tail(self, name: str, *, lines: int = 50, previous: bool = False) -> list[LogLine]:
        """Return the last lines of the workload's output, or of its previous run."""
        ...

    def logs(self, name: str, *, after: int, limit: int = 500) -> list[LogLine]:
        """Return lines after the offset `after` (-1: from the start of the current file)."""
        ...

    def stats(self, name: str) -> WorkloadStats | None:
        """Return what the running workload uses; None when it does not run."""
        ...


@runtime_checkable
class Advises(Protocol):
    """A runtime that can try, when a connection is tested, what it would not try at every look."""

    def advice(self) -> tuple[str, ...]:
        """Return the codes of what a person should know before the host is added."""
        ...


@runtime_checkable
class KeepsModels(Protocol):
    """What a runtime SHALL do besides when its hosts keep models of their own."""

    def hosted_models(self) -> list[HostedModel]:
        """Return every model that lies there, ours and others', with what is in memory."""
        ...

    def hosted_details(self, model: HostedModel) -> HostedDetails | None:
        """Return what the host tells of one; None when it has gone."""
        ...


@runtime_checkable
class LeavesThings(Protocol):
    """What a runtime SHALL do besides when it keeps things of its own on a host."""

    def leave(self) -> list[str]:
        """Take them away for good, workloads excepted; return the names of what is left."""
        ...

    def visiting(self) -> AbstractContextManager[None]:
        """Return a visit: what its looks make there SHALL be gone at its end, and nothing else."""
        ...

    def engine_id(self) -> str:
        """Return what tells from others the engine that these things are kept on."""
        ...

    def may_leave_behind(self) -> list[str]:
        """Return the names of what may lie there; SHALL NOT ask the host."""
        ...


@runtime_checkable
class Greets(Protocol):
    """What a runtime SHALL do besides when its hosts may take a connection and then be silent."""

    def greet(self, seconds: float) -> None:
        """Find out, before it is entered, whether the host says a word within about `seconds`.

        SHALL raise RuntimeUnreachableError when it does not.
        """
        ...


@runtime_checkable
class HasDoor(Protocol):
    """What a runtime SHALL do besides when its engines stand behind TLS or a credential."""

    def entry(self) -> Entry | None:
        """Return how to get in at an engine's address; None when anybody may."""
        ...
