"""The socket of a log view over a real broker, the hands played by the test."""

import asyncio
import uuid
from collections.abc import Iterator

import pytest

from controlplane.live import logs as log_socket
from controlplane.live import sockets
from models_app.domain.specs import LogLine
from models_app.notify import workers
from models_app.notify.log_following import following
from tests.controlplane.live.browser_socket import BrowserSocket
from tests.factories import make_replica
from tests.valkey_server import ValkeyServer, valkey_server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with valkey_server() as running:
        yield running


@pytest.fixture
def replica(server, settings, monkeypatch, transactional_db):
    settings.BROKER_URL = server.url
    monkeypatch.setattr(workers, "ask_for_logs", lambda replica_id: None)
    monkeypatch.setattr(workers, "send_later", lambda *_: None)
    monkeypatch.setattr("models_app.notify.log_following.PAUSE_S", 0.001)
    return make_replica()


async def write(replica, *texts, at=0):
    """Carry lines, once somebody reads."""
    lines = [LogLine(at + number, text) for number, text in enumerate(texts)]

    def step():
        with following(replica.pk) as mine:
            if mine:
                mine.append(lines, after=lines[-1].offset)
            return bool(mine)

    async with asyncio.timeout(10):
        while not await asyncio.to_thread(step):  # noqa: ASYNC110 - the reader comes when it comes
            await asyncio.sleep(0.01)


async def test_lines_come_as_they_are_written(open_socket, charlie, replica):
    socket = await open_socket(charlie, f"/ws/logs/{replica.public_id}/")
    await socket.send({"type": "follow"})
    await write(replica, "one", "<two>")
    frame = await socket.receive("lines")
    assert (frame["lines"], frame["missed"]) == ([[0, "one"], [1, "<two>"]], 0)
    await write(replica, "three", at=2)
    assert (await socket.receive("lines"))["lines"] == [[2, "three"]]


async def test_a_reader_that_comes_again_goes_on_after_what_it_has(open_socket, bob, replica):
    first = await open_socket(bob, f"/ws/logs/{replica.public_id}/")
    await first.send({"type": "follow"})
    await write(replica, "one", "two", "three")
    await first.receive("lines")
    second = await open_socket(bob, f"/ws/logs/{replica.public_id}/")
    await second.send({"type": "follow", "after": 1})
    assert (await second.receive("lines"))["lines"] == [[2, "three"]]


async def test_many_lines_come_in_frames_of_bounded_size(open_socket, bob, replica):
    socket = await open_socket(bob, f"/ws/logs/{replica.public_id}/")
    await socket.send({"type": "follow"})
    await write(replica, *["x" * 2000] * 100)
    seen = 0
    while seen < 100:
        frame = await socket.receive("lines")
        assert sum(len(text) for _, text in frame["lines"]) <= log_socket.FRAME_CHARACTERS
        seen += len(frame["lines"])
    assert seen == 100


async def test_a_broker_that_is_away_is_said_and_waited_for(
    open_socket, bob, replica, settings, monkeypatch, tmp_path
):
    monkeypatch.setattr(log_socket, "RETRY_S", 0.05)
    right = settings.BROKER_URL
    settings.BROKER_URL = f"unix://{tmp_path}/nobody.sock"
    socket = await open_socket(bob, f"/ws/logs/{replica.public_id}/")
    await socket.send({"type": "follow"})
    trouble = await socket.receive("trouble")
    assert trouble["code"] == "LOGS_UNAVAILABLE"
    assert trouble["text"]
    settings.BROKER_URL = right
    await write(replica, "back")
    assert (await socket.receive("trouble"))["code"] == ""
    assert (await socket.receive("lines"))["lines"] == [[0, "back"]]


async def test_a_replica_that_does_not_exist(open_socket, bob, replica):
    socket = await open_socket(bob, f"/ws/logs/{uuid.uuid4()}/")
    assert await socket.closed() == sockets.NOT_FOUND


@pytest.mark.parametrize("frame", [{"type": "hello"}, {"type": "follow", "after": "0"}, {}])
async def test_a_frame_out_of_the_protocol_closes(open_socket, bob, replica, frame):
    socket = await open_socket(bob, f"/ws/logs/{replica.public_id}/")
    await socket.send(frame)
    assert await socket.closed() == sockets.BAD_FRAME


async def test_strangers_read_no_logs(replica):
    assert not await BrowserSocket(f"/ws/logs/{replica.public_id}/").open()
