"""The process runtime: engines as process groups on this machine."""

import errno
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from models_app.domain.failures import FailureCode, RuntimeUnreachableError, fail
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
from workers.runtimes.process import identity, lifecycle, logs, machine, processes, spawn, usage
from workers.runtimes.process.folder import NAME, WorkloadFolder
from workers.runtimes.process.identity import Census
from workers.runtimes.process.lock import held
from workers.runtimes.process.verification import Verifier, present

FORCED_ROUNDS = 3
STOP_POLL_S = 0.05
NOTHING: Mapping[str, str] = MappingProxyType({})


class ProcessRuntime:
    """Runs workloads below `workloads`, with artifacts from the model store `models`.

    `instance` marks what is ours. `locate` tells where an artifact lies; without it, where the
    model store puts it.
    """

    abilities = frozenset(Ability)

    def __init__(  # noqa: PLR0913 - the Runtime seam's own list
        self,
        *,
        connection: Mapping[str, Any] = NOTHING,
        secret: Mapping[str, str] = NOTHING,
        identity: Mapping[str, str] = NOTHING,
        workloads: Path,
        models: Path,
        instance: str,
        locate: Callable[[ArtifactRef], Path] | None = None,
    ) -> None:
        del connection, secret, identity  # this machine: there is nothing to connect to
        self._root = workloads.resolve()
        self._instance = instance
        self._locate = locate or _located_in(ModelStore(models))
        self._verifier = Verifier(self._root / ".verified")

    def __enter__(self) -> Self:
        """Make the folder of the workloads. Raises RuntimeUnreachableError when that fails."""
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise RuntimeUnreachableError(str(error)) from error
        spawn.reap()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to close."""

    # --- the machine ---------------------------------------------------------------------------

    def facts(self) -> HostFacts:
        """Return what this machine is."""
        return machine.read_facts(self._root)

    def usage(self) -> HostUsage:
        """Return how full this machine is now."""
        return machine.read_usage(self._root)

    # --- artifacts -----------------------------------------------------------------------------

    def ensure_artifact(self, artifact: ArtifactRef, *, seconds: float) -> Transfer:
        """Verify the model store's file for at most `seconds`; nothing is copied."""
        with _system_errors():
            return self._verifier.verify(artifact, self._locate(artifact), seconds=seconds)

    def remove_artifact(self, artifact: ArtifactRef) -> None:
        """Forget that the file was verified. The model store keeps it."""
        self._verifier.forget(artifact)

    def ensure_image(self, spec: WorkloadSpec) -> Transfer:
        """Finished at once: there are no images here."""
        del spec
        return Transfer(done_bytes=0, total_bytes=0, finished=True)

    # --- workloads -----------------------------------------------------------------------------

    def observe(self, name: str) -> Observed | None:
        """Return the workload of that name, exited ones too. Changes nothing."""
        spawn.reap()
        return identity.observe_folder(self._folder(name), Census(self._instance))

    def list_owned(self) -> Iterable[Observed]:
        """Return every workload of this installation, also one whose folder was deleted."""
        spawn.reap()
        census = Census(self._instance)
        names = [path.name for path in self._root.iterdir() if NAME.fullmatch(path.name)]
        found = {}
        for name in names:
            observed = identity.observe_folder(self._folder(name), census)
            if observed is not None:
                found[name] = observed
        for marks in census.marked:
            if marks.name not in found and Path(marks.folder) == self._root / marks.name:
                folder = self._folder(marks.name)
                leader = processes.leader_of(census.of(folder)) or marks
                found[marks.name] = identity.observe_running(folder, None, leader)
        return list(found.values())

    def create(self, spec: WorkloadSpec) -> None:
        """Start the workload, or adopt the one of that name that runs."""
        model = self._locate(spec.artifact)
        present(spec.artifact, model)
        with _system_errors():
            lifecycle.start_or_adopt(spec, self._folder(spec.name), model, self._instance)

    def remove(self, name: str, *, force: bool) -> bool:
        """Ask the workload to end, or kill it; return whether nothing of it is left."""
        with _system_errors():
            return lifecycle.end(self._folder(name), Census(self._instance), force=force)

    def stop_all(self, *, seconds: float) -> list[str]:
        """End every workload: asked first, killed before `seconds` are over. Return what is left.

        For the end of the installation's own processes, when nobody would watch the engines.
        """
        deadline = time.monotonic() + seconds
        force_at = deadline - min(2.0, seconds / 2)
        left = sorted(observed.name for observed in self.list_owned())
        forced = 0  # on a machine that is out of breath a single round may outlast the deadline
        while left and (forced < FORCED_ROUNDS or time.monotonic() < deadline):
            force, census = time.monotonic() >= force_at, Census(self._instance)
            left = [
                one for one in left if not lifecycle.end(self._folder(one), census, force=force)
            ]
            forced += force
            if left:
                time.sleep(STOP_POLL_S)
        return left

    def purge(self, name: str) -> bool:
        """Delete the output that `remove` keeps as evidence; return whether nothing is left."""
        folder = self._folder(name)
        if not folder.path.is_dir():
            return True
        with held(folder.lock) as handle:
            if handle is not None:
                shutil.rmtree(folder.path)
        return handle is not None

    # --- output and figures --------------------------------------------------------------------

    def tail(self, name: str, *, lines: int = 50, previous: bool = False) -> list[LogLine]:
        """Return the last lines of the workload's output, or of its previous run."""
        return logs.tail_lines(self._folder(name), lines=lines, previous=previous)

    def logs(self, name: str, *, after: int, limit: int = 500) -> list[LogLine]:
        """Return lines after the offset `after` (-1: from the start of the current file)."""
        folder = self._folder(name)
        leader = identity.live_leader(folder, folder.read_record(), Census(self._instance))
        return logs.read_lines(folder, after=after, limit=limit, partial=leader is None)

    def stats(self, name: str) -> WorkloadStats | None:
        """Return what the running workload uses; None when it does not run."""
        folder = self._folder(name)
        record, census = folder.read_record(), Census(self._instance)
        leader = identity.live_leader(folder, record, census)
        if leader is None:
            return None
        logs.rotate_when_big(folder)
        observed = identity.observe_running(folder, record, leader)
        pids = processes.session_members(leader.pid)
        return usage.measure(
            observed.external_id,
            pids or identity.live_pids(folder, record, census),
            log_bytes=folder.log_bytes(),
            started_at=observed.started_at,
        )

    # --- inside --------------------------------------------------------------------------------

    def _folder(self, name: str) -> WorkloadFolder:
        return WorkloadFolder(self._root, name)


def _located_in(store: ModelStore) -> Callable[[ArtifactRef], Path]:
    return lambda artifact: store.path_of(artifact.sha256, artifact.file_name)


@contextmanager
def _system_errors() -> Iterator[None]:
    """Give the system's refusals their codes."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise fail(FailureCode.DISK_FULL, path=str(error.filename or "")) from error
        raise RuntimeUnreachableError(str(error)) from error
