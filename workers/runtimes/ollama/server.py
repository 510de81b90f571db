"""Speaks to one Ollama server: typed answers, every call bounded, every error ours.

The public Python client does the talking; it is given our own timeouts, never follows a redirect,
reads no proxy or key from the environment, and asks only where the connection says. What it lacks
(the version, whether a blob is there, an upload with progress) goes over the same HTTP library.
"""

import re
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
import ollama

from models_app.domain.failures import FailureCode, fail
from workers.runtimes.ollama.errors import NOT_FOUND, server_errors
from workers.runtimes.ollama.values import LoadedModel, Progress, ServerModel, ShownModel

SHORT = httpx.Timeout(5.0, connect=3.0)
# A held request: the server may be silent while it checks the sha256 of 40 GB or loads them.
HELD = httpx.Timeout(1800.0, connect=3.0, write=60.0)
_FROM = re.compile(r"^FROM .*sha256-([0-9a-f]{64})\s*$", re.MULTILINE)
_ADAPTER = re.compile(r"^ADAPTER .*sha256-([0-9a-f]{64})\s*$", re.MULTILINE)
Credential = Callable[[httpx.Request], httpx.Request]


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server is and how it is asked. The credential never shows in a repr."""

    url: str
    credential: Credential = field(repr=False)
    tls: ssl.SSLContext | bool = True


class OllamaServer:
    """One server, for the time of one step or of one held request."""

    def __init__(self, access: Access, timeout: httpx.Timeout = SHORT) -> None:
        self.url = access.url
        self._response: httpx.Response | None = None
        options: dict[str, Any] = {
            "timeout": timeout,
            "trust_env": False,
            "follow_redirects": False,
            "auth": access.credential,
            "verify": access.tls,
            "event_hooks": {"response": [self._note]},
        }
        self._client = ollama.Client(host=access.url, **options)
        self._http = httpx.Client(base_url=access.url, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._client.close()  # type: ignore[no-untyped-call]
        self._http.close()

    def cut(self) -> None:
        """Break the request that another thread waits for. It ends with a transport error."""
        if self._response is not None:
            stream = self._response.extensions.get("network_stream")
            handle = stream.get_extra_info("socket") if stream else None
            if handle is not None:
                with suppress(OSError):
                    handle.shutdown(socket.SHUT_RDWR)

    # --- what there is -------------------------------------------------------------------------

    def version(self) -> str:
        """Return the server's version."""
        with server_errors(self.url):
            answer = self._http.get("/api/version")
            if answer.status_code == NOT_FOUND:  # every Ollama server has this page
                raise fail(FailureCode.NOT_OLLAMA, evidence=(answer.text[:200],))
            answer.raise_for_status()
            return str(answer.json()["version"])

    def is_open(self) -> bool:
        """Return whether it also answers those who show no credential."""
        try:
            answer = self._http.get("/api/tags", auth=None)
            return answer.status_code == httpx.codes.OK and "models" in answer.json()
        except (httpx.HTTPError, ValueError, TypeError):
            return False

    def models(self) -> list[ServerModel]:
        """Return every model that lies there."""
        with server_errors(self.url):
            return [_server_model(found) for found in self._client.list().models]

    def loaded(self) -> list[LoadedModel]:
        """Return every model that is in its memory."""
        with server_errors(self.url):
            return [_loaded_model(found) for found in self._client.ps().models]

    def show(self, name: str) -> ShownModel | None:
        """Return what it tells of a model; None when it has none of that name."""
        with server_errors(self.url):
            try:
                return _shown_model(self._client.show(name))
            except ollama.ResponseError as error:
                if error.status_code == NOT_FOUND:
                    return None
                raise

    def has_blob(self, sha256: str) -> bool:
        """Return whether a file with that content lies there."""
        with server_errors(self.url):
            answer = self._http.head(f"/api/blobs/sha256:{sha256}")
            if answer.status_code == NOT_FOUND:
                return False
            answer.raise_for_status()
            return True

    # --- what changes something ------------------------------------------------------------------

    def send_blob(self, sha256: str, pieces: Iterable[bytes], size_bytes: int) -> None:
        """Send a file; the server compares its sha256 when the last byte has come."""
        with server_errors(self.url):
            headers = {"Content-Length": str(size_bytes)}
            answer = self._http.post(f"/api/blobs/sha256:{sha256}", content=pieces, headers=headers)
            answer.raise_for_status()

    def create(self, name: str, wanted: Mapping[str, Any]) -> Iterator[Progress]:
        """Make a model; `wanted` holds the other fields of the request. Replaces one of that name.

        It is made when the iterator has ended.
        """
        return self._follow(lambda: self._client.create(model=name, stream=True, **wanted))

    def pull(self, name: str, *, insecure: bool) -> Iterator[Progress]:
        """Bring a model from its registry, for as long as the iterator is read."""
        return self._follow(lambda: self._client.pull(name, insecure=insecure, stream=True))

    def copy(self, source: str, target: str) -> None:
        """Give a model another name as well."""
        with server_errors(self.url):
            self._client.copy(source, target)

    def delete(self, name: str) -> bool:
        """Take a name off the server; absent is success. Return whether there was one."""
        with server_errors(self.url):
            try:
                self._client.delete(name)
            except ollama.ResponseError as error:
                if error.status_code == NOT_FOUND:
                    return False
                raise
            return True

    def load(self, name: str, *, keep_alive_s: int, embeds_only: bool = False) -> None:
        """Bring a model into memory and keep it for that long after each request; -1: for ever."""
        with server_errors(self.url):
            if embeds_only:
                self._client.embed(name, "", keep_alive=keep_alive_s)
            else:
                self._client.generate(name, keep_alive=keep_alive_s)

    def unload(self, name: str) -> None:
        """Give its memory back once no request uses it."""
        self.load(name, keep_alive_s=0)

    # --- inside ----------------------------------------------------------------------------------

    def _follow(self, begin: Callable[[], Iterator[Any]]) -> Iterator[Progress]:
        with server_errors(self.url), closing(_generator(begin())) as lines:
            for line in lines:
                yield Progress(line.status or "", line.digest or "", line.completed, line.total)

    def _note(self, response: httpx.Response) -> None:
        self._response = response


def _generator(lines: Iterator[Any]) -> Any:
    """Return the client's iterator as the generator that it is: closing it hangs up."""
    return lines


def _server_model(found: Any) -> ServerModel:
    details = found.details
    return ServerModel(
        name=found.model,
        digest=found.digest,
        size_bytes=int(found.size),
        modified_at=found.modified_at,
        format=(details and details.format) or "",
        family=(details and details.family) or "",
        parameter_size=(details and details.parameter_size) or "",
        quantization=(details and details.quantization_level) or "",
    )


def _loaded_model(found: Any) -> LoadedModel:
    return LoadedModel(
        name=found.model,
        digest=found.digest,
        size_bytes=int(found.size or 0),
        vram_bytes=int(found.size_vram or 0),
        context_length=found.context_length,
        until=found.expires_at,
    )


def _shown_model(found: Any) -> ShownModel:
    return ShownModel(
        modelfile=found.modelfile or "",
        template=found.template or "",
        license=found.license or "",
        parameters=found.parameters or "",
        capabilities=tuple(found.capabilities or ()),
        facts=dict(found.modelinfo or {}),
        blobs=tuple(_FROM.findall(found.modelfile or "")),
        adapters=tuple(_ADAPTER.findall(found.modelfile or "")),
    )
