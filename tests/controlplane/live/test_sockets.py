"""Who may open a socket, what it may take, and when it closes."""

import json
import re

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session

from controlplane.live import sockets
from controlplane.live.limits import FRAME_BYTES, SOCKETS_PER_USER
from controlplane.routing import websocket_routes
from models_app.domain.states import Role
from models_app.models import User
from models_app.notify import browsers
from tests.controlplane.live.browser_socket import ORIGIN, BrowserSocket, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)

# Every address there is, by the routes themselves: a new one is asked without being named here.
PATHS = [
    "/" + re.sub("<uuid:[a-z]+>", "0b8d9a52-7a0c-4b73-9a53-2f2d0f7d3c11", str(route.pattern))
    for route in websocket_routes
]


def test_every_route_is_asked() -> None:
    assert len(set(PATHS)) == len(websocket_routes)
    assert not any("<" in path for path in PATHS)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.test",
        ORIGIN.replace("8400", "9999"),
        ORIGIN.replace("http:", "https:"),
        ORIGIN.rsplit(":", 1)[0],
        "null",
        "",
        None,
    ],
)
async def test_a_foreign_page_cannot_open_a_socket(bob, path, origin):
    cookie = await sync_to_async(session_cookie)(bob)
    assert not await BrowserSocket(path, cookie, origin).open()


@pytest.mark.parametrize("path", PATHS)
async def test_a_stranger_cannot_open_a_socket(path, db):
    assert not await BrowserSocket(path).open()
    assert not await BrowserSocket(path, "slipway_session=made-up").open()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("field", ["is_active", "is_set_up"])
async def test_a_person_who_may_not_sign_in_cannot_open_a_socket(bob, field, path):
    cookie = await sync_to_async(session_cookie)(bob)
    await User.objects.filter(pk=bob.pk).aupdate(**{field: False})
    assert not await BrowserSocket(path, cookie).open()


@pytest.mark.parametrize("frame", ["", "{", "[]", '"text"', "null", "[" * 60_000])
async def test_a_frame_that_is_none_closes(open_socket, bob, frame):
    socket = await open_socket(bob)
    await socket.send(frame)
    assert await socket.closed() == sockets.BAD_FRAME


async def test_a_frame_too_large_closes(open_socket, bob):
    socket = await open_socket(bob)
    await socket.send(json.dumps({"type": "show", "pad": "x" * FRAME_BYTES}))
    assert await socket.closed() == sockets.TOO_LARGE


async def test_a_flood_of_frames_closes(open_socket, bob):
    socket = await open_socket(bob)
    for _ in range(100):
        await socket.send({"type": "resync"})
    assert await socket.closed() == sockets.TOO_MANY


async def test_one_socket_too_many_is_told_so(open_socket, bob, alice):
    cookie = await sync_to_async(session_cookie)(bob)
    held = [await open_socket(bob, cookie=cookie) for _ in range(SOCKETS_PER_USER)]
    extra = BrowserSocket("/ws/live/", cookie)
    assert await extra.open()
    assert await extra.closed() == sockets.TOO_MANY
    await open_socket(alice)  # one person's sockets are not another's
    await held[0].leave()
    await open_socket(bob, cookie=cookie)


async def revoke(user):
    await browsers._group_send(
        {"type": "revoked", "kind": "user", "id": str(user.public_id), "version": 0}
    )


async def listening(socket):
    """Wait until the socket hears hints."""
    while not (await socket.receive("hints"))["come"]:
        pass


async def test_a_person_who_signed_out_is_closed_at_once(open_socket, bob):
    socket = await open_socket(bob)
    await listening(socket)
    await Session.objects.all().adelete()
    await revoke(bob)
    assert await socket.closed() == sockets.SIGNED_OUT


@pytest.mark.parametrize(
    "change",
    [{"is_active": False}, {"password": "changed"}, {"role": Role.VIEWER, "role_version": 2}],
    ids=["switched off", "password", "role"],
)
async def test_a_person_whose_rights_changed_is_closed_at_once(open_socket, bob, change):
    socket = await open_socket(bob)
    await listening(socket)
    await User.objects.filter(pk=bob.pk).aupdate(**change)
    await revoke(bob)
    assert await socket.closed() == sockets.SIGNED_OUT


async def test_without_the_hint_the_regular_look_closes(open_socket, bob, monkeypatch):
    monkeypatch.setattr(sockets, "RIGHTS_S", 0.05)
    socket = await open_socket(bob)
    await User.objects.filter(pk=bob.pk).aupdate(is_active=False)
    assert await socket.closed() == sockets.SIGNED_OUT


async def test_a_person_whose_role_is_too_small_now_is_closed(open_socket, bob, monkeypatch):
    monkeypatch.setattr("controlplane.live.page.PageSocket.role", Role.OPERATOR)
    socket = await open_socket(bob)
    await listening(socket)
    await User.objects.filter(pk=bob.pk).aupdate(role=Role.VIEWER)
    await revoke(bob)
    assert await socket.closed() == sockets.NOT_ALLOWED


async def test_another_persons_revocation_changes_nothing(open_socket, bob, alice):
    socket = await open_socket(bob)
    await listening(socket)
    await revoke(alice)
    assert await socket.silent()


async def test_frames_are_numbered_without_a_gap_and_a_beat_comes(open_socket, bob, monkeypatch):
    monkeypatch.setattr(sockets, "BEAT_S", 0.02)
    socket = await open_socket(bob)
    frames = [await socket.receive() for _ in range(5)]
    assert [frame["seq"] for frame in frames] == [1, 2, 3, 4, 5]
    assert len({frame["epoch"] for frame in frames}) == 1
    assert "beat" in {frame["type"] for frame in frames}


async def test_work_that_breaks_closes_the_socket_instead_of_freezing_it(
    open_socket, bob, monkeypatch, caplog
):
    monkeypatch.setattr(sockets, "BEAT_S", "not a number")
    socket = await open_socket(bob)
    assert await socket.closed() == sockets.OUR_FAULT
    assert "a socket's work broke" in caplog.text


async def test_the_page_works_without_a_broker_and_says_so(open_socket, bob, monkeypatch):
    def no_layer():
        raise ConnectionError("broker is away")

    monkeypatch.setattr(browsers, "get_channel_layer", no_layer)
    monkeypatch.setattr(sockets, "RETRY_S", 0.05)
    socket = await open_socket(bob)
    assert (await socket.receive("hints"))["come"] is False
    monkeypatch.undo()
    await listening(socket)
