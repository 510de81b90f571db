"""One HTTP client of Docker's for every way to reach an engine.

Each request is spoken over a socket that a `Dial` opens: a unix socket, verified TLS, a channel of
an SSH connection. docker-py's own transports are not used: its TLS verifies nothing unless told to,
its SSH reads this machine's configuration, and it sends registry credentials found here to hosts.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Self
from urllib.parse import urlencode

import docker
import requests
import urllib3
import urllib3.connection
import urllib3.connectionpool
from docker.auth import AuthConfig
from docker.errors import create_api_error_from_http_exception
from docker.transport.basehttpadapter import BaseHTTPAdapter
from docker.utils.proxy import ProxyConfig

from models_app.domain.failures import FailureCode, RuntimeUnreachableError, fail
from workers.runtimes.docker.conversation import Conversation
from workers.runtimes.docker.errors import refused, translated

TIMEOUT_S = 10.0
API = "1.41"  # Docker 20.10, the oldest that is spoken to
NEWEST_API = "1.47"
_HEADER = 8  # of a frame in a stream that carries both outputs
_CONNECTIONS = 4
_JSON = {"Content-Type": "application/json"}
BAD_REQUEST = 400

Dial = Callable[[float], Any]
"""Opens a connection within so many seconds and returns what can be used as its socket."""


class _Connection(urllib3.connection.HTTPConnection):
    def __init__(self, dial: Dial) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._dial = dial

    def connect(self) -> None:
        """Open it as the host's connection says."""
        seconds = self.timeout if isinstance(self.timeout, int | float) else TIMEOUT_S
        self.sock = self._dial(seconds)


class Pool(urllib3.connectionpool.HTTPConnectionPool):
    """The connections to one host. Whatever is asked of it passes through `urlopen`."""

    def __init__(self, dial: Dial) -> None:
        super().__init__("localhost", maxsize=_CONNECTIONS)
        self._dial = dial

    def _new_conn(self) -> Any:
        return _Connection(self._dial)

    def _get_conn(self, timeout: float | None = None) -> Any:
        """Return a free connection; a channel of SSH cannot be asked whether it was dropped."""
        del timeout
        pool = self.pool
        while pool is not None and not pool.empty():
            found = pool.get(block=False)
            if found is not None:
                return found
        return self._new_conn()


class _Adapter(BaseHTTPAdapter):
    def __init__(self, pool: Pool) -> None:
        self._own_pool = pool
        super().__init__()

    def get_connection(self, url: Any, proxies: Any = None) -> Any:
        """Return the one pool; there are no proxies on this way."""
        del url, proxies
        return self._own_pool

    def request_url(self, request: Any, proxies: Any) -> Any:
        """Return the path alone."""
        del proxies
        return request.path_url

    def close(self) -> None:
        """Close what is open."""
        self._own_pool.close()


class Client(docker.APIClient):
    """Docker's API on one host. Every call is bounded in time and raises our errors only."""

    def __init__(self, dial: Dial, *, version: str = API) -> None:
        # Nothing is opened before the first request; the address is never used.
        super().__init__(base_url="unix:///nowhere", version=version, timeout=int(TIMEOUT_S))
        self._dial = dial
        self._pool = Pool(dial)
        self.mount("http+docker://", _Adapter(self._pool))
        self.trust_env = False  # no proxy, netrc or CA bundle of this machine
        self._auth_configs = AuthConfig({})
        self._proxy_configs = ProxyConfig()

    def __enter__(self) -> Self:
        return self

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send one request; errors of sockets and of SSH become ours."""
        with translated():
            return super().send(request, **options)

    def speak(self, version: str) -> None:
        """Use this version of the API from now on."""
        self._version = version

    def unversioned(self, path: str, *, timeout: float = TIMEOUT_S) -> dict[str, Any]:
        """Ask something that every version answers. Raises FailureError NOT_DOCKER."""
        with translated():
            answer = self.request("GET", f"{self.base_url}{path}", timeout=timeout)
            if not answer.ok:
                raise fail(FailureCode.NOT_DOCKER, evidence=(answer.text[:200],))
            try:
                found = answer.json()
            except ValueError as error:
                raise fail(FailureCode.NOT_DOCKER, evidence=(answer.text[:200],)) from error
            return found if isinstance(found, dict) else {}

    def call(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        body: Any = None,
        timeout: float = TIMEOUT_S,
    ) -> Any:
        """Ask something that answers in JSON or not at all; raise our errors for the rest."""
        # Straight to the pool: preparing a request of `requests` costs more than such a call.
        query = f"?{urlencode(params)}" if params else ""
        with translated():
            answer = self._pool.urlopen(
                method,
                f"/v{self._version}{path}{query}",
                body=None if body is None else json.dumps(body).encode(),
                headers=_JSON,
                timeout=timeout,
                retries=False,
                redirect=False,
            )
        return _said(answer)

    def opened(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        data: Any = None,
        body: Any = None,
        timeout: float = TIMEOUT_S,
    ) -> requests.Response:
        """Ask something whose answer is read as it comes; `timeout` is between two pieces of it."""
        with translated():
            answer = self.request(
                method,
                f"{self.base_url}/v{self._version}{path}",
                params=params,
                data=data,
                json=body,
                timeout=timeout,
                stream=True,
            )
            _check(answer)
            return answer

    def conversation(self, path: str, body: dict[str, Any], *, seconds: float) -> Conversation:
        """Ask for a connection that is the command's; `seconds` is without any progress on it."""
        with translated():
            made = self._dial(seconds)
        try:
            return Conversation(made, f"/v{self._version}{path}", body, seconds)
        except BaseException:
            made.close()
            raise


def _said(answer: urllib3.BaseHTTPResponse) -> Any:
    """Return what an answer says; raise what it means when it refuses or is not Docker's."""
    try:
        found = json.loads(answer.data) if answer.data else None
    except ValueError as error:
        if answer.status < BAD_REQUEST:
            raise RuntimeUnreachableError(str(error), FailureCode.CONNECTION_LOST) from error
        found = None
    if answer.status < BAD_REQUEST:
        return found
    told = found.get("message") if isinstance(found, dict) else None
    raise refused(answer.status, str(told or answer.data.decode(errors="replace")))


def _check(answer: requests.Response) -> None:
    """Raise docker-py's error for an answer that refuses."""
    try:
        answer.raise_for_status()
    except requests.HTTPError as error:
        raise create_api_error_from_http_exception(error) from error


def frames(answer: requests.Response) -> Iterator[bytes]:
    """Yield what a container wrote, piece by piece, from a stream that carries both outputs."""
    with translated():
        while len(header := _exactly(answer, _HEADER)) == _HEADER:
            size = int.from_bytes(header[4:], "big")
            piece = _exactly(answer, size)
            yield piece
            if len(piece) < size:
                return


def _exactly(answer: requests.Response, size: int) -> bytes:
    got = b""
    while len(got) < size:
        piece = answer.raw.read(size - len(got))
        if not piece:
            break
        got += piece
    return got
