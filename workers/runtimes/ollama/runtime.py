"""The Runtime of a host that is just an Ollama server.

A workload is a model of ours on it: a name in our namespace whose tag is the hash of the wish (see
`domain.ollama_names`). It runs as long as the name exists; what is in memory, `stats` tells. The
server starts and ends the processes behind it, and shows no output of theirs.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock
from types import MappingProxyType, TracebackType
from typing import Any, Self

from models_app.domain.failures import FailureCode, fail
from models_app.domain.ollama_names import (
    KEEPER,
    keeper_model,
    namespace_of,
    workload_model,
)
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
from models_app.domain.store import ModelStore
from workers.clients.engine_http import Entry
from workers.runtimes.base import Ability
from workers.runtimes.ollama.access import access_of, unguarded_warnings
from workers.runtimes.ollama.inventory import details_of, hosted
from workers.runtimes.ollama.server import Access, OllamaServer
from workers.runtimes.ollama.uploads import upload, upload_forget
from workers.runtimes.ollama.values import ServerModel

NOTHING: Mapping[str, str] = MappingProxyType({})
_WORKLOAD = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


class OllamaRuntime:
    """See `workers/runtimes/base.py` for the contract."""

    # The server ends processes as it likes, and tells of its machine and their output nothing.
    abilities: frozenset[Ability] = frozenset()

    def __init__(
        self,
        *,
        connection: Mapping[str, Any],
        secret: Mapping[str, str] = NOTHING,
        identity: Mapping[str, str] = NOTHING,
        workloads: Path,
        models: Path,
        instance: str,
    ) -> None:
        del workloads  # nothing of a workload lies on this machine
        self._given = (connection, secret, identity)
        self._store = ModelStore(models)
        self._instance = instance
        self._shown: Mapping[str, str] = {}
        self._warnings: tuple[str, ...] = ()
        self._access: Access | None = None
        self._server: OllamaServer | None = None

    def __enter__(self) -> Self:
        """Check who answers there; the first request says whether it serves."""
        self._access, self._shown, self._warnings = access_of(*self._given)
        self._server = OllamaServer(self._access)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections and forget the credential."""
        if self._server is not None:
            self._server.close()
        self._server = self._access = None

    @property
    def server(self) -> OllamaServer:
        """The server itself, for what only Ollama hosts can do."""
        assert self._server is not None, "not entered"
        return self._server

    @property
    def access(self) -> Access:
        """How the server is reached, for requests that outlive this step."""
        assert self._access is not None, "not entered"
        return self._access

    def entry(self) -> Entry | None:
        """Return the credential and the one certificate that is trusted; None without either."""
        if not self._given[1] and self.access.tls is True:
            return None
        return Entry(self.access.credential, self.access.tls)

    # --- the host ------------------------------------------------------------------------------

    def facts(self) -> HostFacts:
        """Return what the server tells of its machine: next to nothing, and that is said so."""
        return HostFacts(
            hostname=self.access.url,
            operating_system="",
            architecture="",
            cpu_model="",
            cpu_cores=None,
            cpu_flags=(),
            memory_total_bytes=None,
            disk_total_bytes=None,
            runtime="ollama",
            runtime_version=self.server.version(),
            gpus=None,
            warnings=self._warnings,
            identity=self._shown,
        )

    def advice(self) -> tuple[str, ...]:
        """Return what to warn of: a credential guards nothing on a server that asks for none."""
        if not self._given[1] or not self.server.is_open():
            return ()
        return ("NO_AUTHENTICATION", *unguarded_warnings(self._given[0]))

    def usage(self) -> HostUsage:
        """Return what its loaded models take, whoever loaded them. Nothing else is known."""
        by_digest = {loaded.digest: loaded.size_bytes for loaded in self.server.loaded()}
        return HostUsage(
            cpu_percent=None,
            memory_used_bytes=sum(by_digest.values()),
            memory_available_bytes=None,
            disk_used_bytes=None,
            disk_free_bytes=None,
        )

    def hosted_models(self) -> list[HostedModel]:
        """Return the server's list, with what is in its memory."""
        return hosted(self.server.models(), self.server.loaded())

    def hosted_details(self, model: HostedModel) -> HostedDetails | None:
        """Return what the model's header says, as the server shows it."""
        shown = self.server.show(model.name)
        return None if shown is None else details_of(shown, model)

    # --- artifacts -----------------------------------------------------------------------------

    def ensure_artifact(self, artifact: ArtifactRef, *, seconds: float) -> Transfer:
        """Upload the file and keep it under a name of ours, so that no start prunes it."""
        if artifact.format == "ollama":
            if self._model_of(artifact.sha256) is None:
                raise fail(FailureCode.ARTIFACT_MISSING, file=artifact.file_name)
            return _whole(artifact)
        keeper = keeper_model(self._instance, artifact.sha256)
        shown = self.server.show(keeper)
        if shown is not None and artifact.sha256 in shown.blobs:
            return _whole(artifact)
        if self.server.has_blob(artifact.sha256):
            upload_forget(self.access, artifact)
        else:
            path = self._store.path_of(artifact.sha256, artifact.file_name)
            transfer = upload(self.access, artifact, path, seconds=seconds)
            if not transfer.finished:
                return transfer
        self._create(keeper, {"files": _files(artifact)})
        return _whole(artifact)

    def remove_artifact(self, artifact: ArtifactRef) -> None:
        """Let go of the file; the server deletes it when no model is made of it any more."""
        if artifact.format == "ollama":
            for model in self.server.models():
                if model.digest == artifact.sha256 and not self._is_ours(model):
                    self.server.delete(model.name)
            return
        self.server.delete(keeper_model(self._instance, artifact.sha256))

    def ensure_image(self, spec: WorkloadSpec) -> Transfer:
        """Finished at once: there are no images here."""
        del spec
        return Transfer(done_bytes=0, total_bytes=0, finished=True)

    # --- workloads -----------------------------------------------------------------------------

    def observe(self, name: str) -> Observed | None:
        """Return the model of that workload."""
        found = self._owned(name)
        return self._observed(found[0]) if found else None

    def list_owned(self) -> Iterable[Observed]:
        """Return the model of every workload of this installation."""
        ours = [model for model in self.server.models() if self._is_workload(model)]
        return [self._observed(model) for model in ours]

    def create(self, spec: WorkloadSpec) -> None:
        """Make the model, or adopt the one that was made for the same wish."""
        wanted, others = spec.fingerprint(), self._owned(spec.name)
        if any(_tag(model) == wanted for model in others):
            return
        if others:
            raise fail(FailureCode.INTERNAL, reason="workload_name_taken", name=spec.name)
        fields: dict[str, Any] = {"parameters": dict(spec.settings)}
        if spec.artifact.format == "ollama":
            origin = self._model_of(spec.artifact.sha256)
            if origin is None:
                raise fail(FailureCode.ARTIFACT_MISSING, file=spec.artifact.file_name)
            fields["from_"] = origin.name
        else:
            if not self.server.has_blob(spec.artifact.sha256):
                raise fail(FailureCode.ARTIFACT_MISSING, file=spec.artifact.file_name)
            fields["files"] = _files(spec.artifact)
        name = workload_model(self._instance, spec.name, wanted)
        with _creating(name):  # the server loses layers of a model that is made twice at once
            if not self._owned(spec.name):
                self._create(name, fields)

    def remove(self, name: str, *, force: bool) -> bool:
        """Take the model away and its memory back; what it still answers, it answers."""
        del force  # the server lets running requests end either way
        owned = self._owned(name)
        if not owned:
            return True
        models, loaded = self.server.models(), self.server.loaded()
        for model in owned:
            shared = sum(other.digest == model.digest for other in models) > 1
            if not shared and any(one.digest == model.digest for one in loaded):
                self.server.unload(model.name)
            self.server.delete(model.name)
        return True

    # --- output and figures --------------------------------------------------------------------

    def tail(self, name: str, *, lines: int = 50, previous: bool = False) -> list[LogLine]:
        """Nothing: the server keeps its output to itself."""
        del lines, previous
        _check_workload(name)
        return []

    def logs(self, name: str, *, after: int, limit: int = 500) -> list[LogLine]:
        """Nothing: the server keeps its output to itself."""
        del after, limit
        _check_workload(name)
        return []

    def stats(self, name: str) -> WorkloadStats | None:
        """Return the memory that the loaded model takes; None when it is not loaded."""
        digests = {model.digest for model in self._owned(name)}
        found = next((one for one in self.server.loaded() if one.digest in digests), None)
        return None if found is None else WorkloadStats(None, found.size_bytes, 0.0)

    # --- inside --------------------------------------------------------------------------------

    def _create(self, name: str, fields: Mapping[str, Any]) -> None:
        for _line in self.server.create(name, fields):
            pass

    def _owned(self, workload: str) -> list[ServerModel]:
        _check_workload(workload)
        front = f"{namespace_of(self._instance)}/{workload}:"
        return [model for model in self.server.models() if model.name.startswith(front)]

    def _is_ours(self, model: ServerModel) -> bool:
        return model.name.startswith(f"{namespace_of(self._instance)}/")

    def _is_workload(self, model: ServerModel) -> bool:
        return self._is_ours(model) and _workload(model) != KEEPER

    def _model_of(self, digest: str) -> ServerModel | None:
        """Return a model with that digest that is not ours to remove."""
        found = (model for model in self.server.models() if model.digest == digest)
        return next((model for model in found if not self._is_ours(model)), None)

    def _observed(self, model: ServerModel) -> Observed:
        return Observed(
            name=_workload(model),
            external_id=model.digest,
            spec_hash=_tag(model),
            running=True,
            address=self._address(),
            started_at=model.modified_at.timestamp() if model.modified_at else None,
            labels=(("dev.slipway.instance", self._instance),),
            served_as=model.name,
        )

    def _address(self) -> str:
        scheme, _, rest = self.access.url.partition("://")
        return rest if scheme == "http" else self.access.url


@lru_cache(maxsize=1024)
def _creating(name: str) -> Lock:
    """Return the lock of one model's name; leases keep other processes away."""
    del name
    return Lock()


def _files(artifact: ArtifactRef) -> dict[str, str]:
    return {artifact.file_name: f"sha256:{artifact.sha256}"}


def _workload(model: ServerModel) -> str:
    return model.name.partition("/")[2].partition(":")[0]


def _tag(model: ServerModel) -> str:
    return model.name.rpartition(":")[2]


def _whole(artifact: ArtifactRef) -> Transfer:
    return Transfer(artifact.size_bytes, artifact.size_bytes, finished=True, sha256=artifact.sha256)


def _check_workload(name: str) -> None:
    if not _WORKLOAD.fullmatch(name):
        raise fail(FailureCode.INTERNAL, reason="workload_name", name=name[:80])
