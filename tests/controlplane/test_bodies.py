"""Bodies over real connections: what strangers send fills no disk, what is uploaded is streamed."""

import hashlib
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from django.conf import settings

from controlplane.bodies import BODY_LIMIT_BYTES
from models_app.models import User
from tests.controlplane.api.callers import caller_of
from tests.web_server import web_server
from tests.workloads import eventually

pytestmark = pytest.mark.django_db(transaction=True)
MIB = 1 << 20


@pytest.fixture
def address(transactional_db: None) -> Iterator[str]:
    with web_server() as found:
        yield found


@pytest.fixture
def temp_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Django would put bodies that are too large for memory."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def dribble(size: int, piece: int = 64 << 10) -> Iterator[bytes]:
    """A body without a length: it is sent in chunks."""
    for _ in range(size // piece):
        yield bytes(piece)


def refused(response: httpx.Response) -> None:
    assert response.status_code == 413
    assert response.headers["connection"] == "close"
    assert response.json()["code"] == "TOO_LARGE"
    assert "1.0 MiB" in response.json()["detail"]


@pytest.mark.parametrize("path", ["/api/v1/hosts", "/api/v1/nothing", "/api/v1/uploads"])
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_stranger_is_cut_off_by_what_he_announces(address: str, method: str, path: str) -> None:
    """The head alone is sent: the answer comes without one byte of the body."""
    where = urlsplit(address)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=5) as line:
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000000\r\n\r\n"
        line.sendall(head.encode())
        answer = line.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer


def test_a_stranger_is_cut_off_while_he_sends(address: str, temp_folder: Path) -> None:
    where = urlsplit(address)
    sent = 0
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=5) as line:
        line.sendall(
            b"POST /api/v1/hosts HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        piece = b"10000\r\n" + bytes(64 << 10) + b"\r\n"
        try:
            while sent < 64 * MIB:
                line.sendall(piece)
                sent += 64 << 10
        except OSError:  # the other side has closed
            pass
    assert sent < 16 * MIB  # what lies in the buffers of the kernel is not ours to refuse
    assert sum(path.stat().st_size for path in temp_folder.glob("**/*")) < 2 * MIB


def test_pages_and_scripts_are_told_each_in_its_way(address: str) -> None:
    body = b'{"name": "' + b"x" * BODY_LIMIT_BYTES + b'"}'
    refused(httpx.post(f"{address}/api/v1/hosts", content=body))
    page = httpx.post(f"{address}/sign-in", content=body)
    assert page.status_code == 413
    assert page.headers["content-type"].startswith("text/plain")
    assert "Traceback" not in page.text


def test_a_body_under_the_limit_passes(address: str, alice: User) -> None:
    caller = caller_of(alice)
    headers = {"Authorization": f"Bearer {caller.token}"}
    text = "x" * (BODY_LIMIT_BYTES // 2)
    body = {"title": "long", "content": {"messages": [{"role": "user", "content": text}]}}
    assert httpx.post(f"{address}/api/v1/chats", json=body, headers=headers).status_code in {
        201,
        413,  # CHAT_TOO_LARGE, said by the service that read it
    }
    assert httpx.get(f"{address}/api/v1/me", headers=headers).status_code == 200


def test_a_model_file_is_streamed_and_resumed(address: str, bob: User, temp_folder: Path) -> None:
    """64 MiB in one PUT: no memory, no temporary file, and a cut line costs nothing."""
    headers = {"Authorization": f"Bearer {caller_of(bob).token}"}
    size = 64 * MIB
    content = os.urandom(MIB) * 64
    uploads = f"{address}/api/v1/uploads"
    begun = httpx.post(uploads, json={"size_bytes": size}, headers=headers)
    assert begun.status_code == 201
    upload = f"{address}{begun.headers['location']}"
    _cut_off(upload, headers, content[: 10 * MIB], size)
    offset = _settled(lambda: int(httpx.get(upload, headers=headers).json()["offset"]))
    assert 9 * MIB <= offset <= 10 * MIB  # what was still on the line when it was cut is sent again
    before = psutil.Process().memory_info().rss
    answer = httpx.put(
        f"{upload}?offset={offset}",
        content=(content[at : at + MIB] for at in range(offset, size, MIB)),
        headers=headers,
        timeout=60,
    )
    assert answer.json() == {
        "id": begun.json()["id"],
        "size_bytes": size,
        "offset": size,
        "is_whole": True,
    }
    assert psutil.Process().memory_info().rss - before < 32 * MIB
    assert not list(temp_folder.glob("*"))
    path = settings.PATHS.uploads / f"{begun.json()['id']}.upload"
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    assert digest == hashlib.sha256(content).hexdigest()
    assert httpx.delete(upload, headers=headers).status_code == 204
    assert not path.exists()


def _settled(offset: Callable[[], int]) -> int:
    """Wait until what had arrived is written; return where it ends."""
    seen = [0]

    def stands_still() -> bool:
        seen.append(offset())
        time.sleep(0.3)
        return seen[-1] == offset() >= 9 * MIB

    eventually(stands_still)
    return seen[-1]


def _cut_off(url: str, headers: dict[str, str], content: bytes, announced: int) -> None:
    """Send the head and a part of the body, then hang up."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=10) as line:
        head = f"PUT {where.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {announced}\r\n"
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        line.sendall(f"{head}{more}\r\n".encode())
        line.sendall(content)


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/api/v1/uploads/u1-" + "0" * 32 + "-fffff"), ("PUT", "/uploads/u1-x?offset=0")],
)
def test_a_stranger_uploads_nothing(
    address: str, temp_folder: Path, method: str, path: str
) -> None:
    """Refused before the body is asked for: a client that waits for 100 Continue sends none."""
    where = urlsplit(address)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=5) as line:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\n"
            "Content-Length: 1000000000\r\n\r\n"
        )
        line.sendall(head.encode())
        answer = line.makefile("rb").read()
    assert answer.split()[1] in {b"401", b"302", b"403"}
    assert b"100 Continue" not in answer
    assert b"connection: close" in answer
    assert not list(temp_folder.glob("*"))


def test_a_head_without_end_is_cut_off(address: str) -> None:
    where = urlsplit(address)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=5) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ")
        try:
            for _ in range(100):
                line.sendall(b"x" * (64 << 10))
        except OSError:
            return
        assert line.recv(1000).startswith(b"HTTP/1.1 400")


def test_one_connection_serves_many_requests(address: str) -> None:
    with httpx.Client(base_url=address) as client:
        answers = [client.get("/healthz") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 200]
    assert not any("close" in one.headers.get("connection", "") for one in answers)
