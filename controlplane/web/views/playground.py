"""The playground: chat with a deployment, or two side by side. Kept only when asked to."""

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from controlplane.fragments.painting import paint_named
from controlplane.web.connect import KEY_VARIABLE
from controlplane.web.pages import actor_of, show, told
from controlplane.web.playground_words import playground_words
from controlplane.wording.errors import error_text
from controlplane.wording.markdown import markdown_html
from models_app.domain.actors import Actor
from models_app.domain.errors import InvalidError, SlipwayError
from models_app.models import Chat
from models_app.selectors.chats import chat_get, chats_visible
from models_app.services.chats import chat_delete, chat_edit, chat_keep


def page(request: HttpRequest) -> HttpResponse:
    """The chat; `?deployment=` chooses whom to talk to, `?chat=` opens a kept one."""
    actor = actor_of(request)
    opened = request.GET.get("chat", "")
    chat = chat_get(actor, opened) if opened else None
    return show(
        request,
        "playground/page.html",
        targets=paint_named("playground.targets", actor),
        captures=paint_named("playground.captures", actor),
        chats=chats_visible(actor),
        words=playground_words(),
        opened=_opened(chat) if chat else None,
        chosen=request.GET.get("deployment", ""),
        key_variable=KEY_VARIABLE,
    )


@require_POST
def keep(request: HttpRequest) -> JsonResponse:
    """Keep the chat in the body (title, content; id and version of one kept before)."""
    actor = actor_of(request)
    try:
        chat = _keep(actor, _body(request))
    except SlipwayError as error:
        said = error_text(error)
        body = {"code": said.code, "detail": said.sentence, "remedy": said.remedy}
        return JsonResponse(body, status=error.status)
    return JsonResponse({"id": str(chat.public_id), "version": chat.version, "title": chat.title})


def kept(request: HttpRequest) -> HttpResponse:
    """The list of kept chats."""
    return _kept_list(request, actor_of(request))


@require_POST
def delete(request: HttpRequest, ref: str) -> HttpResponse:
    """Delete a kept chat; nothing of it stays."""
    actor = actor_of(request)
    chat = chat_get(actor, ref)
    title = chat.title
    chat_delete(actor, chat)
    text = gettext("The chat “{title}” is deleted.").format(title=title)
    return told(_kept_list(request, actor), text)


def _kept_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    return render(request, "playground/_kept.html", {"chats": chats_visible(actor)})


def _keep(actor: Actor, body: Mapping[str, Any]) -> Chat:
    title, content = body.get("title"), body.get("content")
    if not isinstance(title, str) or not isinstance(content, dict):
        raise InvalidError
    if not body.get("id"):
        return chat_keep(actor, title=title, content=content)
    chat = chat_get(actor, str(body["id"]))
    version = body.get("version")
    known = version if isinstance(version, int) else None
    return chat_edit(actor, chat, version=known, title=title, content=content)


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise InvalidError("MALFORMED_BODY") from error
    if not isinstance(body, dict):
        raise InvalidError("MALFORMED_BODY")
    return body


def _opened(chat: Chat) -> dict[str, Any]:
    """Return a kept chat as the scripts paint it: every answer with its HTML made here.

    The content is what this person's browser or script sent; nothing in it is believed to be HTML.
    """
    turns = chat.content.get("turns")
    return {
        "id": str(chat.public_id),
        "version": chat.version,
        "title": chat.title,
        "content": {**chat.content, "turns": [_turn(t) for t in _dicts(turns)]},
    }


def _turn(turn: dict[str, Any]) -> dict[str, Any]:
    answers = turn.get("answers")
    listed = answers[:2] if isinstance(answers, list) else []
    return {
        "text": str(turn.get("text") or ""),
        "answers": [_answer(one) if isinstance(one, dict) else None for one in listed],
    }


def _answer(answer: dict[str, Any]) -> dict[str, Any]:
    text = str(answer.get("text") or "")
    return {**answer, "text": text, "html": markdown_html(text)}


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
