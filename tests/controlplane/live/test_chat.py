"""The playground's socket against the fake engine: streams, stops, fails honestly."""

import asyncio
import json

import pytest
from asgiref.sync import sync_to_async

from controlplane.gateway.core import routing_core
from controlplane.live import chat, sockets
from controlplane.live.limits import FRAME_BYTES
from models_app.domain.states import DeploymentState
from models_app.models import Chat, Usage
from tests.controlplane.live.browser_socket import ORIGIN, BrowserSocket
from tests.factories import make_deployment, make_replica
from tests.fake_engine import fake_engine

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def served(transactional_db):
    """`await served(tokens_per_s=…)`: a deployment with one replica, a fake engine like that."""
    running = []

    def serve(timeouts=None, **options):
        context = fake_engine(**options)
        engine = context.__enter__()
        running.append(context)
        deployment = make_deployment("chat", timeouts=timeouts or {})
        replica = make_replica(deployment, address=engine.address, slots=4)
        return replica, engine

    yield sync_to_async(serve)
    for context in running:
        context.__exit__(None, None, None)


def ask(answer="a1", text="Hello", parameters=None, **more):
    request = {
        "id": answer,
        "deployment": "chat",
        "messages": [{"role": "user", "content": text}],
        "parameters": {"max_tokens": 30, "seed": 7} if parameters is None else parameters,
    }
    return {"type": "ask", "lang": "en", "request": request | more}


async def ended(socket, answer="a1"):
    """Return the frames of an answer up to its end."""
    frames: list[dict[str, object]] = []
    while not frames or frames[-1]["type"] not in ("done", "failed"):
        frame = await socket.receive()
        if frame.get("id") == answer:
            frames.append(frame)
    return frames


def text_of(frames):
    return "".join(frame["text"] for frame in frames if frame["type"] == "text")


async def usage_rows():
    await routing_core().usage.write_now()
    return [row async for row in Usage.objects.all()]


async def test_an_answer_streams_is_rendered_and_measured(open_socket, charlie, served):
    replica, _ = await served(tokens_per_s=0)
    socket = await open_socket(charlie, "/ws/chat/")
    await socket.send(ask())
    frames = await ended(socket)
    started, done = frames[0], frames[-1]
    assert (started["type"], started["deployment"], started["workload"]) == (
        "started",
        "chat",
        replica.workload,
    )
    assert json.loads(started["json"])["max_tokens"] == 30
    assert f"{ORIGIN}/v1/chat/completions" in started["curl"]
    assert replica.address not in started["curl"]
    assert done["type"] == "done"
    assert done["finish"] in ("length", "stop")
    assert 0 < done["figures"]["completion_tokens"] <= 30
    assert done["figures"]["first_token_ms"] > 0
    assert not done["figures"]["counted"]
    last = [frame for frame in frames if frame["type"] == "rendered"][-1]
    assert last["upto"] == len(text_of(frames))
    assert last["html"].startswith("<p>")
    (row,) = await usage_rows()
    assert (row.route, row.status, row.user_id, row.replica_id) == (
        "playground",
        "ok",
        charlie.pk,
        replica.pk,
    )
    assert row.completion_tokens == done["figures"]["completion_tokens"]


async def test_tokens_come_as_they_are_made(open_socket, bob, served):
    await served(tokens_per_s=20)
    socket = await open_socket(bob, "/ws/chat/")
    await socket.send(ask())
    frames = await ended(socket)
    assert len([frame for frame in frames if frame["type"] == "text"]) > 10
    renders = [frame for frame in frames if frame["type"] == "rendered"]
    duration = frames[-1]["figures"]["duration_ms"] / 1000
    assert 2 <= len(renders) <= duration / 0.25 + 2


async def test_stop_really_stops_the_engine(open_socket, bob, served):
    _, engine = await served(tokens_per_s=20)
    socket = await open_socket(bob, "/ws/chat/")
    await socket.send(ask(parameters={"max_tokens": 5000}))
    await socket.receive("text")
    assert engine.metric("requests_processing") == 1
    await socket.send({"type": "stop", "id": "a1"})
    frames = await ended(socket)
    assert frames[-1]["finish"] == "stopped"
    assert frames[-1]["figures"]["counted"]
    assert await asyncio.to_thread(engine.becomes_idle, 2)
    made = engine.metric("tokens_predicted_total")
    await asyncio.sleep(0.3)
    assert engine.metric("tokens_predicted_total") == made < 100
    (row,) = await usage_rows()
    assert row.status == "cancelled"
    assert row.completion_tokens == frames[-1]["figures"]["completion_tokens"] > 0


async def test_stop_before_the_first_token(open_socket, bob, served):
    _, engine = await served(first_token_delay_s=60)
    socket = await open_socket(bob, "/ws/chat/")
    await socket.send(ask())
    await asyncio.sleep(0.2)
    await socket.send({"type": "stop", "id": "a1"})
    assert (await ended(socket))[-1]["finish"] == "stopped"
    assert await asyncio.to_thread(engine.becomes_idle, 2)


async def test_leaving_stops_the_engine_too(open_socket, bob, served):
    _, engine = await served(tokens_per_s=20)
    socket = await open_socket(bob, "/ws/chat/")
    await socket.send(ask(parameters={"max_tokens": 5000}))
    await socket.receive("text")
    await socket.leave()
    assert await asyncio.to_thread(engine.becomes_idle, 2)
    assert [row.status for row in await usage_rows()] == ["cancelled"]


async def test_an_engine_that_dies_says_so_in_the_answer(open_socket, bob, served):
    await served(tokens_per_s=100, crash_after_tokens=5)
    socket = await open_socket(bob, "/ws/chat/")
    await socket.send(ask())
    frames = await ended(socket)
    failed = frames[-1]
    assert (failed["type"], failed["code"]) == ("failed", "ENGINE_DIED")
    assert failed["text"]
    assert failed["remedy"]
    assert text_of(frames)
    assert failed["figures"]["completion_tokens"] > 0
    assert [row.status for row in await usage_rows()] == ["ENGINE_DIED"]


async def test_an_engine_that_stalls(open_socket, bob, served):
    _, engine = await served({"idle_s": 0.3}, tokens_per_s=100, stall_after_tokens=3)
    socket = await open_socket(bob, "/ws/chat/")
    await socket.send(ask())
    assert (await ended(socket))[-1]["code"] == "ANSWER_STALLED"
    assert await asyncio.to_thread(engine.becomes_idle, 2)


@pytest.mark.parametrize(
    ("state", "fields", "said"),
    [
        (DeploymentState.STOPPED, {}, "chat is stopped."),
        (DeploymentState.DEPLOYING, {}, "chat is being started"),
        (DeploymentState.FAILED, {"failure_code": "OUT_OF_MEMORY"}, "memory"),
    ],
)
async def test_without_a_replica_the_answer_says_why(open_socket, bob, state, fields, said):
    await sync_to_async(make_deployment)("chat", state=state, **fields)
    socket = await open_socket(bob, "/ws/chat/")
    await socket.send(ask())
    (failed,) = await ended(socket)
    assert failed["code"] == "NO_READY_REPLICA"
    assert said in failed["text"]
    assert failed["remedy"]
    assert await Usage.objects.acount() in (0, 1)


async def test_the_reason_speaks_the_pages_language(open_socket, bob):
    socket = await open_socket(bob, "/ws/chat/")
    await socket.send(ask(deployment="nobody"))
    english = (await ended(socket))[-1]
    assert english["code"] == "NOT_FOUND"
    assert "nobody" in english["text"]


async def test_two_deployments_at_a_time(open_socket, bob, served):
    await served(tokens_per_s=50)
    socket = await open_socket(bob, "/ws/chat/")
    await socket.send(ask("left"))
    await socket.send(ask("right"))
    ends: set[str] = set()
    mixed: list[str] = []
    while len(ends) < 2:
        frame = await socket.receive()
        if frame["type"] == "text":
            mixed.append(frame["id"])
        if frame["type"] == "done":
            ends.add(frame["id"])
    assert mixed != sorted(mixed)  # they came side by side, not one after the other


async def test_one_answer_too_many(open_socket, bob, served):
    await served(first_token_delay_s=60)
    socket = await open_socket(bob, "/ws/chat/")
    for number in range(chat.ANSWERS + 1):
        await socket.send(ask(f"a{number}"))
    failed = (await ended(socket, f"a{chat.ANSWERS}"))[-1]
    assert failed["code"] == "TOO_MANY"


@pytest.mark.parametrize("request_", [None, [], "text", {}, {"id": "x" * 50}])
async def test_a_request_that_is_none_is_refused(open_socket, bob, request_):
    socket = await open_socket(bob, "/ws/chat/")
    await socket.send({"type": "ask", "request": request_})
    assert (await socket.receive("failed"))["code"] == "INVALID"


async def test_a_long_chat_comes_in_parts(open_socket, bob, served):
    await served(tokens_per_s=0, context_length=200_000)
    socket = await open_socket(bob, "/ws/chat/")
    long = json.dumps(ask(text="word " * 40_000)["request"])
    assert len(long) > 3 * FRAME_BYTES
    for start in range(0, len(long), 48_000):
        await socket.send({"type": "part", "text": long[start : start + 48_000]})
    await socket.send({"type": "ask", "lang": "en"})
    frames = await ended(socket)
    assert frames[-1]["type"] == "done"
    assert frames[-1]["figures"]["prompt_tokens"] > 10_000


async def test_parts_without_end_close(open_socket, bob):
    socket = await open_socket(bob, "/ws/chat/")
    for _ in range(25):
        await socket.send({"type": "part", "text": "x" * 60_000})
    assert await socket.closed() in (sockets.TOO_LARGE, sockets.TOO_MANY)


async def test_a_prompt_longer_than_the_context_brings_the_engines_words(open_socket, bob, served):
    await served(context_length=64)
    socket = await open_socket(bob, "/ws/chat/")
    await socket.send(ask(text="word " * 500))
    failed = (await ended(socket))[-1]
    assert failed["code"] == "ENGINE_REFUSED"
    assert failed["text"] != ""


async def test_stopping_what_does_not_run_does_nothing(open_socket, bob):
    socket = await open_socket(bob, "/ws/chat/")
    wrong: list[object] = ["nobody", None, 7, [], {}]
    for answer in wrong:
        await socket.send({"type": "stop", "id": answer})
    assert await socket.silent(0.2) or (await socket.receive())["type"] == "hints"


@pytest.mark.parametrize("frame", [{"type": "hello"}, {}, {"type": "part"}])
async def test_a_frame_out_of_the_protocol_closes(open_socket, bob, frame):
    socket = await open_socket(bob, "/ws/chat/")
    await socket.send(frame)
    assert await socket.closed() == sockets.BAD_FRAME


async def test_strangers_chat_with_nobody(db):
    assert not await BrowserSocket("/ws/chat/").open()


async def test_nothing_of_a_chat_is_stored(open_socket, bob, served):
    await served(tokens_per_s=0)
    socket = await open_socket(bob, "/ws/chat/")
    await socket.send(ask(text="a very secret question"))
    await ended(socket)
    (row,) = await usage_rows()
    assert "secret" not in str(vars(row))
    assert await Chat.objects.acount() == 0
