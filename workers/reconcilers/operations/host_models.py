"""Work on the models of an Ollama host: pull, create, push, copy, delete, load, unload.

The server does most of it only while its client listens. A thread holds that request; each step of
the operation looks at how far it is. A worker that is killed takes the request with it, the next
one begins it anew, and the server goes on from the parts it has.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings

from models_app.domain.failures import FailureCode, fail
from models_app.domain.modelfile import parse_modelfile
from models_app.domain.specs import ArtifactRef
from models_app.domain.store import ModelStore
from models_app.models import Host, Operation
from models_app.services.leases import Lease
from models_app.services.observed.operations import operation_progress
from models_app.services.wishes import look_now
from workers.clients.held_requests import Held, hold, let_go
from workers.reconcilers.runtimes import artifact_ref, held_runtime_of
from workers.runtimes.ollama.inventory import embeds_only
from workers.runtimes.ollama.pulls import PullNews, pull
from workers.runtimes.ollama.runtime import OllamaRuntime
from workers.runtimes.ollama.server import HELD, OllamaServer
from workers.runtimes.ollama.uploads import file_pieces

PHASES = {"pulling manifest": "asking", "verifying sha256 digest": "verifying"}
ANEW = "fetching_anew"  # less lies there than lay there before
Carry = Callable[[Held, OllamaServer, Mapping[str, Any]], Mapping[str, Any]]


class HostModelWork:
    """See `Work`. `carry` does all of it in the thread that holds the request."""

    pause_s = 0.5

    def __init__(self, carry: Carry) -> None:
        self._carry = carry

    def step(self, operation: Operation, lease: Lease[Operation]) -> Mapping[str, Any] | None:
        """Look how far it is; begin it when nobody here has."""
        host = operation.host
        if host is None:
            raise fail(FailureCode.HOST_REFUSED, reason="removed")
        asked = dict(operation.parameters)
        if operation.artifact is not None:
            asked["artifact"] = artifact_ref(operation.artifact)
        held = hold(_key(operation), lambda held: self._run(held, host, asked))
        finished = held.wait(0)
        _note(operation, lease, held.news)
        if not finished:
            return None
        let_go(_key(operation))
        look_now(host)  # its list has changed
        result: Mapping[str, Any] = held.outcome()
        return result

    def clean_up(self, operation: Operation) -> None:
        """Hang up: the server stops, and keeps the parts it has for another try."""
        let_go(_key(operation))
        if operation.host is not None:
            look_now(operation.host)

    def _run(self, held: Held, host: Host, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        with held_runtime_of(host) as runtime:
            assert isinstance(runtime, OllamaRuntime)
            with OllamaServer(runtime.access, HELD) as server:
                held.cut_by(server.cut)
                return self._carry(held, server, asked)


def _key(operation: Operation) -> str:
    return f"operation {operation.public_id}"


def _note(operation: Operation, lease: Lease[Operation], news: Any) -> None:
    if isinstance(news, PullNews):
        _note_pull(operation, lease, news)
        return
    total = operation.artifact.size_bytes if operation.artifact else None
    if isinstance(news, int):
        operation_progress(lease, operation, phase="copying", done_bytes=news, total_bytes=total)
        return
    # What the server says is said once the file lies there.
    done = total if total and isinstance(news, str) else operation.done_bytes
    if (operation.phase, operation.done_bytes) != ("working", done):
        operation_progress(lease, operation, phase="working", done_bytes=done)


def _note_pull(operation: Operation, lease: Lease[Operation], news: PullNews) -> None:
    """Write how far a pull is. A try before this one may have come further than is told by now.

    What that one had seen of a layer stands until the server comes to it. Less than before is then
    no slip: the server threw its parts away when it was started, and fetches them again.
    """
    known = {layer["digest"]: layer for layer in operation.result.get("layers", ())}
    layers = {**known, **{digest: layer.stored() for digest, layer in news.layers.items()}}
    done = sum(layer["done"] for layer in layers.values())
    phase = PHASES.get(news.status, "fetching" if news.layers else "asking")
    is_anew = done < operation.done_bytes or operation.phase == ANEW
    operation_progress(
        lease,
        operation,
        phase=ANEW if is_anew and phase == "fetching" else phase,
        done_bytes=done,
        total_bytes=sum(layer["total"] for layer in layers.values()) or None,
        bytes_per_s=news.bytes_per_s,
        result={"layers": list(layers.values())},
    )


# --- what each kind does ---------------------------------------------------------------------


def _pull(held: Held, server: OllamaServer, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    return pull(server, asked["name"], insecure=bool(asked.get("insecure")), tell=held.tell)


def _create(held: Held, server: OllamaServer, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    modelfile = parse_modelfile(asked["modelfile"], registries=settings.ENV.model_registries)
    # The server would go and pull a base that it lacks, without a word.
    if server.show(modelfile.base) is None:
        raise fail(FailureCode.ARTIFACT_MISSING, file=modelfile.base)
    for adapter in modelfile.adapters:
        _bring_adapter(held, server, adapter.removeprefix("sha256:"), asked.get("artifact"))
    made = _made(held, server, asked["name"], modelfile.request())
    shown = server.show(asked["name"]) if modelfile.adapters else None
    if shown and not {f"sha256:{one}" for one in shown.adapters}.issuperset(modelfile.adapters):
        # A file that is a model itself takes the place of the base, and nothing is said of it.
        server.delete(asked["name"])
        raise fail(FailureCode.ARTIFACT_INVALID, reason="no adapter", file=modelfile.adapters[0])
    return made


def _bring_adapter(
    held: Held, server: OllamaServer, sha256: str, artifact: ArtifactRef | None
) -> None:
    """See that the adapter's file lies there: ours is sent, another's has to be there."""
    if server.has_blob(sha256):
        return
    if artifact is None or artifact.sha256 != sha256:
        raise fail(FailureCode.ARTIFACT_MISSING, file=f"sha256:{sha256}")
    _send(held, server, artifact)


def _push(held: Held, server: OllamaServer, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    artifact: ArtifactRef = asked["artifact"]
    if not server.has_blob(artifact.sha256):
        _send(held, server, artifact)
    files = {artifact.file_name: f"sha256:{artifact.sha256}"}
    return _made(held, server, asked["name"], {"files": files})


def _send(held: Held, server: OllamaServer, artifact: ArtifactRef) -> None:
    path = ModelStore(settings.PATHS.models).path_of(artifact.sha256, artifact.file_name)
    pieces = file_pieces(artifact, path, held.tell)
    server.send_blob(artifact.sha256, pieces, artifact.size_bytes)


def _copy(held: Held, server: OllamaServer, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    del held
    if server.show(asked["source"]) is None:
        raise fail(FailureCode.ARTIFACT_MISSING, file=asked["source"])
    server.copy(asked["source"], asked["name"])
    return {"name": asked["name"]}


def _delete(held: Held, server: OllamaServer, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    del held
    return {"name": asked["name"], "was_there": server.delete(asked["name"])}


def _load(held: Held, server: OllamaServer, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    del held
    shown = server.show(asked["name"])
    if shown is None:
        raise fail(FailureCode.ARTIFACT_MISSING, file=asked["name"])
    keep_alive_s = int(asked["keep_alive_s"])
    server.load(asked["name"], keep_alive_s=keep_alive_s, embeds_only=embeds_only(shown))
    return {"name": asked["name"]}


def _unload(held: Held, server: OllamaServer, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    del held
    shown = server.show(asked["name"])
    if shown is not None:
        server.load(asked["name"], keep_alive_s=0, embeds_only=embeds_only(shown))
    return {"name": asked["name"]}


def _made(
    held: Held, server: OllamaServer, name: str, fields: Mapping[str, Any]
) -> Mapping[str, Any]:
    for line in server.create(name, fields):
        held.tell(line.status)
    found = next((model for model in server.models() if model.name == name), None)
    if found is None:
        raise fail(FailureCode.ARTIFACT_MISSING, file=name)
    return {"name": found.name, "digest": found.digest, "size_bytes": found.size_bytes}


HOST_MODEL_WORKS: Mapping[str, HostModelWork] = {
    "pull_model": HostModelWork(_pull),
    "create_model": HostModelWork(_create),
    "push_model": HostModelWork(_push),
    "copy_model": HostModelWork(_copy),
    "delete_model": HostModelWork(_delete),
    "load_model": HostModelWork(_load),
    "unload_model": HostModelWork(_unload),
}
