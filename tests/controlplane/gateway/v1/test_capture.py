"""Nothing of a prompt is kept, unless an admin has a sample kept: that, redacted, for a while."""

import json
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.utils import timezone

from models_app.domain.errors import InvalidError, NotAllowedError
from models_app.domain.states import Role
from models_app.models import AuditEntry, Capture, CapturedRequest, Deployment, Event
from models_app.services.captures import capture_start, capture_stop, captured_delete
from models_app.services.housekeeping import prune
from tests.controlplane.gateway.scripted_engine import (
    DONE,
    END,
    HEAD,
    RESET,
    delta,
    plain,
    scripted_engine,
)
from tests.controlplane.gateway.v1.served import chat, served
from tests.factories import actor_of, make_deployment, make_user

CANARY = "canary-2b7e"
ASKED = [{"role": "user", "content": f"{CANARY}: I am ada@example.org, password: hunter22"}]
ANSWER = json.dumps({"choices": [{"message": {"content": f"{CANARY} said"}}]}).encode()
START = {"percent": 100, "hours": 1, "keep_days": 1}


async def start(it, **more):
    deployment = await Deployment.objects.aget(name="chat")
    await sync_to_async(capture_start)(actor_of(it.owner), deployment, **START | more)
    await it.desk.router.table.refresh()
    return deployment


async def kept(it):
    await it.desk.router.captures.write_now()
    return [one async for one in CapturedRequest.objects.all()]


def everything():
    """Return the whole database as text."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        rows = []
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - the database's own names
            rows += cursor.fetchall()
    return repr(rows)


async def test_off_by_default_nothing_of_a_prompt_is_anywhere(caplog):
    async with (
        scripted_engine(plain(200, ANSWER)) as engine,
        served({"chat": engine.address}) as it,
    ):
        with caplog.at_level("DEBUG"):
            for path in ("/v1/chat/completions", "/v1/completions", "/v1/nothing"):
                await it.post(path, chat(messages=ASKED, prompt=CANARY))
            await it.post("/v1/chat/completions", chat(messages=ASKED, n=99))
            await it.chat(f"absent-{CANARY[:0]}", messages=ASKED)
        assert await kept(it) == []
        await it.desk.usage.write_now()
        found = await sync_to_async(everything)()
    assert CANARY not in found
    assert "keeper" in found
    assert CANARY not in caplog.text


async def test_a_sample_is_kept_without_its_secrets():
    async with (
        scripted_engine(plain(200, ANSWER)) as engine,
        served({"chat": engine.address}) as it,
    ):
        await it.chat(messages=ASKED)
        await start(it)
        await it.chat(messages=ASKED)
        (one,) = await kept(it)
    assert one.question == f"user: {CANARY}: I am [e-mail], password: [secret]"
    assert one.answer == f"{CANARY} said"
    assert (one.caller, one.path, one.status, one.redacted) == (
        it.row.key_id, "/v1/chat/completions", "ok", 2)  # fmt: skip
    assert one.delete_at - one.at == timedelta(days=1)


async def test_a_stream_and_one_that_breaks_off():
    async with (
        scripted_engine(HEAD, delta("a"), delta("b"), DONE, END) as engine,
        scripted_engine(HEAD, delta("half"), 0.05, RESET) as dying,
        served({"chat": engine.address, "dying": dying.address}) as it,
    ):
        await start(it)
        await it.events("/v1/chat/completions", chat(stream=True, messages=ASKED))
        await it.events("/v1/chat/completions", chat("dying", stream=True, messages=ASKED))
        (one,) = await kept(it)
        dies = await Deployment.objects.aget(name="dying")
        await sync_to_async(capture_start)(actor_of(it.owner), dies, **START)
        await it.desk.router.table.refresh()
        await it.events("/v1/chat/completions", chat("dying", stream=True, messages=ASKED))
        broken = (await kept(it))[0]
    assert (one.answer, one.status) == ("ab", "ok")
    assert (broken.answer, broken.status) == ("half", "ENGINE_DIED")


async def test_it_is_a_sample():
    async with (
        scripted_engine(plain(200, ANSWER)) as engine,
        served({"chat": engine.address}, limits={}) as it,
    ):
        await start(it, percent=20)
        for _ in range(100):
            await it.chat()
        count = len(await kept(it))
    assert 2 <= count <= 50  # of 100: one in a million runs lies outside


async def test_nothing_is_kept_after_its_end_and_what_was_goes():
    async with (
        scripted_engine(plain(200, ANSWER)) as engine,
        served({"chat": engine.address}) as it,
    ):
        deployment = await start(it)
        await it.chat(messages=ASKED)
        assert len(await kept(it)) == 1
        await Capture.objects.aupdate(until=timezone.now())  # by itself, the gateway knows when
        await it.chat(messages=ASKED)
        assert len(await kept(it)) == 1
        await start(it)
        await sync_to_async(capture_stop)(actor_of(it.owner), deployment)
        await it.chat(messages=ASKED)  # its table may be behind: the ledger decides
        assert len(await kept(it)) == 1
        await CapturedRequest.objects.aupdate(delete_at=timezone.now())
        await sync_to_async(prune)()
        assert await kept(it) == []
        assert CANARY not in await sync_to_async(everything)()


def test_only_an_admin_may_and_each_step_is_written_down():
    deployment = make_deployment("chat")
    operator = actor_of(make_user("olga", Role.OPERATOR))
    admin = actor_of(make_user("adam", Role.ADMIN))
    for act in (
        lambda: capture_start(operator, deployment, **START),
        lambda: capture_stop(operator, deployment),
        lambda: captured_delete(operator, deployment),
    ):
        with pytest.raises(NotAllowedError):
            act()
    for wrong in ({"percent": 0}, {"percent": 101}, {"hours": 169}, {"keep_days": 31}):
        with pytest.raises(InvalidError):
            capture_start(admin, deployment, **START | wrong)
    capture_start(admin, deployment, **START)
    capture_stop(admin, deployment)
    capture_stop(admin, deployment)
    captured_delete(admin, deployment)
    actions = list(
        AuditEntry.objects.filter(action__startswith="capture.")
        .order_by("id").values_list("action", flat=True)
    )  # fmt: skip
    assert actions == ["capture.start", "capture.stop", "capture.delete"]
    told = Event.objects.filter(code__startswith="deployment.capture").count()
    assert told == 2
