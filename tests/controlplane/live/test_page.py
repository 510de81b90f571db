"""The page's socket: snapshot, then changes; coalesced, numbered, and never a lasting lie."""

import asyncio
import time
import uuid

import pytest
from asgiref.sync import sync_to_async
from django.urls import reverse

from controlplane.fragments import catalogue
from controlplane.fragments.registry import fragment
from controlplane.live import page, sockets
from models_app.domain.errors import NotAllowedError
from models_app.models import Host, User
from models_app.notify import browsers
from models_app.selectors.lookup import row_by_ref
from models_app.services.records import event
from tests.controlplane.live.browser_socket import BrowserSocket, session_cookie
from tests.factories import make_host

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paints(monkeypatch, settings, tmp_path):
    """Two fragments of hosts over real rows; the list says how often each was painted."""
    reverse("web:hosts")  # loads the pages and their fragments, before these are set aside
    catalogue.load()  # now, or the modules would register in what is taken away again
    monkeypatch.setattr("controlplane.fragments.registry._fragments", {})
    monkeypatch.setattr("controlplane.fragments.catalogue.MODULES", ())
    (tmp_path / "_host.html").write_text('<p id="host">{{ host.name }} {{ actor.name }}</p>')
    (tmp_path / "_hosts.html").write_text(
        '<p id="hosts">{{ names }} {{ names|yesno }} {{ request.GET.page }}</p>'
    )
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    done: list[str] = []

    @fragment("host.head", template="_host.html", of="host")
    def head(actor, asked):
        done.append("head")
        return {"host": row_by_ref(Host.objects.all(), "host", asked.id)}

    @fragment("host.list", template="_hosts.html", lists=("host",))
    def listed(actor, asked):
        done.append("list")
        return {"names": ", ".join(Host.objects.values_list("name", flat=True))}

    @fragment("host.secret", template="_host.html", lists=("host",))
    def secret(actor, asked):
        raise NotAllowedError

    @fragment("host.broken", template="_host.html", lists=("host",))
    def broken(actor, asked):
        raise ZeroDivisionError

    @fragment("host.clock", template="_hosts.html", every_s=0.1)
    def clock(actor, asked):
        return {"names": time.monotonic()}

    return done


@pytest.fixture
def host(transactional_db):
    return make_host("shop")


def show(*topics, lang="en"):
    return {"type": "show", "lang": lang, "topics": list(topics)}


def head_of(host):
    return {"name": "host.head", "id": str(host.public_id)}


async def hint(row):
    await browsers._group_send(
        {"type": "changed", "kind": "host", "id": str(row.public_id), "version": 2}
    )


async def opened(open_socket, user, *topics):
    """A socket that hears hints and has got its first paints."""
    socket = await open_socket(user)
    while not (await socket.receive("hints"))["come"]:
        pass
    await socket.send(show(*topics))
    frames = [await socket.receive("fragment") for _ in topics]
    return socket, frames


async def test_the_snapshot_comes_first_as_the_person_sees_it(open_socket, bob, paints, host):
    _, (frame,) = await opened(open_socket, bob, head_of(host))
    assert frame["topic"] == f"host.head|{host.public_id}|"
    assert frame["html"] == '<p id="host">shop bob</p>'


async def test_a_change_comes_after_its_hint(open_socket, bob, paints, host):
    socket, _ = await opened(open_socket, bob, head_of(host))
    await Host.objects.filter(pk=host.pk).aupdate(name="cellar")
    await hint(host)
    assert "cellar" in (await socket.receive("fragment"))["html"]


async def test_a_hint_without_a_change_sends_nothing(open_socket, bob, paints, host):
    socket, _ = await opened(open_socket, bob, head_of(host))
    painted = len(paints)
    await hint(host)
    assert await socket.silent(0.5)
    assert len(paints) == painted + 1


async def test_hints_of_other_objects_paint_nothing(open_socket, bob, paints, host):
    other = await asyncio.to_thread(make_host)
    socket, _ = await opened(open_socket, bob, head_of(host))
    painted = len(paints)
    await hint(other)
    assert await socket.silent(0.5)
    assert len(paints) == painted


async def test_a_list_follows_every_object_of_its_kind_with_its_filters(
    open_socket, bob, paints, host
):
    topic = {"name": "host.list", "query": "page=3"}
    socket, (frame,) = await opened(open_socket, bob, topic)
    assert frame["html"] == '<p id="hosts">shop yes 3</p>'
    other = await asyncio.to_thread(make_host, "annex")
    await hint(other)
    assert "annex, shop" in (await socket.receive("fragment"))["html"]


async def test_fragments_speak_the_pages_language(open_socket, bob, paints, host):
    socket = await open_socket(bob)
    await socket.send(show({"name": "host.list"}, lang="it"))
    assert "shop sì" in (await socket.receive("fragment"))["html"]


async def test_a_storm_of_hints_is_at_most_four_paints_a_second(open_socket, bob, paints, host):
    await opened(open_socket, bob, head_of(host))
    del paints[:]
    began = time.monotonic()
    while time.monotonic() - began < 1:
        await hint(host)
        await asyncio.sleep(0.005)
    assert 2 <= len(paints) <= (time.monotonic() - began) / page.REPAINT_S + 1


async def test_what_is_gone_is_said_once_and_comes_back_if_it_does(open_socket, bob, paints, host):
    socket, _ = await opened(open_socket, bob, head_of(host))
    await Host.objects.filter(pk=host.pk).adelete()
    await hint(host)
    assert (await socket.receive())["type"] == "gone"
    await hint(host)
    assert await socket.silent(0.5)


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ({"name": "no.such"}, "NOT_FOUND"),
        ({"name": "host.head", "id": "not-an-id"}, "NOT_FOUND"),
        ({"name": "host.head"}, "NOT_FOUND"),
        ({"name": "host.secret"}, "NOT_ALLOWED"),
        ({"name": "host.broken"}, "INTERNAL"),
    ],
)
async def test_what_cannot_be_shown_is_refused_and_the_rest_goes_on(
    open_socket, bob, paints, host, topic, code
):
    socket = await open_socket(bob)
    await socket.send(show(topic, head_of(host)))
    frames = [f for f in [await socket.receive() for _ in range(3)] if f["type"] != "hints"]
    kinds = {frame["type"]: frame for frame in frames}
    assert kinds["refused"]["code"] == code
    assert kinds["fragment"]["html"] == '<p id="host">shop bob</p>'


async def test_another_objects_id_shows_nothing_of_it(open_socket, bob, paints):
    socket = await open_socket(bob)
    await socket.send(show({"name": "host.head", "id": str(uuid.uuid4())}))
    assert (await socket.receive("gone"))["topic"].startswith("host.head|")


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "hello"},
        {},
        {"type": "show"},
        {"type": "show", "topics": {}},
        {"type": "show", "topics": ["host.list"]},
        {"type": "show", "topics": [{"name": 7}]},
        {"type": "show", "topics": [{"name": "x" * 61}]},
        {"type": "show", "topics": [{"name": "host.list", "query": "x" * 1001}]},
        {"type": "show", "topics": [{"name": "host.list"}] * 101},
    ],
)
async def test_a_frame_out_of_the_protocol_closes(open_socket, bob, paints, frame):
    socket = await open_socket(bob)
    await socket.send(frame)
    assert await socket.closed() == sockets.BAD_FRAME


async def test_a_cancelled_server_fails_its_test_and_not_those_after(
    bob: User, transactional_db: None
) -> None:
    socket = BrowserSocket("/ws/live/", await sync_to_async(session_cookie)(bob))
    assert await socket.open()
    socket._wire.future.cancel()
    await asyncio.wait([socket._wire.future])
    with pytest.raises(AssertionError, match="cancelled"):
        await socket.leave()


async def test_resync_brings_everything_again_in_a_new_epoch(open_socket, bob, paints, host):
    socket, (first,) = await opened(open_socket, bob, head_of(host))
    await socket.send({"type": "resync"})
    again = await socket.receive("fragment")
    assert again["html"] == first["html"]
    assert again["epoch"] != first["epoch"]
    assert again["seq"] == 1


async def test_what_is_not_shown_any_more_is_not_painted(open_socket, bob, paints, host):
    socket, _ = await opened(open_socket, bob, head_of(host))
    await socket.send(show({"name": "host.list"}))
    await socket.receive("fragment")
    del paints[:]
    await hint(host)
    assert await socket.silent(0.5)
    assert paints == ["list"]


async def test_a_lost_hint_is_made_good_by_the_sweep(open_socket, bob, paints, host, monkeypatch):
    monkeypatch.setattr(page, "SWEEP_S", 0.2)
    socket, _ = await opened(open_socket, bob, head_of(host))
    await Host.objects.filter(pk=host.pk).aupdate(name="cellar")
    assert "cellar" in (await socket.receive("fragment"))["html"]


async def test_without_hints_the_page_polls(open_socket, bob, paints, host, monkeypatch):
    def no_layer():
        raise ConnectionError("broker is away")

    monkeypatch.setattr(browsers, "get_channel_layer", no_layer)
    monkeypatch.setattr(page, "POLL_S", 0.1)
    socket = await open_socket(bob)
    await socket.send(show(head_of(host)))
    await socket.receive("fragment")
    await Host.objects.filter(pk=host.pk).aupdate(name="cellar")
    assert "cellar" in (await socket.receive("fragment"))["html"]


async def test_figures_come_by_time(open_socket, bob, paints):
    _, frames = await opened(open_socket, bob, {"name": "host.clock"})
    socket = await open_socket(bob)
    await socket.send(show({"name": "host.clock"}))
    texts = {(await socket.receive("fragment"))["html"] for _ in range(3)}
    assert len(texts | {frames[0]["html"]}) == 4


async def test_what_happens_elsewhere_is_told_once_in_the_pages_language(
    open_socket, bob, paints, host
):
    socket, _ = await opened(open_socket, bob, head_of(host))
    await socket.send(show(head_of(host), lang="it"))
    await socket.send({"type": "resync"})  # its answer shows that the language was heard
    await socket.receive("fragment")
    await asyncio.to_thread(event, host, "host.unreachable", level="bad")
    frame = await socket.receive("notice")
    assert (frame["level"], frame["url"]) == ("error", "/hosts/shop/")
    assert frame["text"].startswith("shop: L'host ha smesso di rispondere")
    assert await socket.silent(page.NOTICE_EVERY_S + 0.3)


async def test_what_has_gone_meanwhile_is_not_told(open_socket, bob, paints, host):
    socket, _ = await opened(open_socket, bob, head_of(host))
    await Host.objects.filter(pk=host.pk).adelete()
    await asyncio.to_thread(event, host, "host.unreachable", level="bad")
    assert await socket.silent(0.5)


async def test_only_what_matters_elsewhere_is_told_elsewhere(host, monkeypatch):
    sent: list[str] = []
    monkeypatch.setattr(browsers, "publish_changed", lambda kind, *_: sent.append(kind))
    await asyncio.to_thread(event, host, "host.cordoned")
    assert sent == ["event"]
    await asyncio.to_thread(event, host, "host.unreachable", level="bad")
    assert sent == ["event", "event", "notice"]
