"""Chats that their owner keeps. Nobody sees another's."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from controlplane.api.authentication import actor_of
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.schemas import In, RowOut, ShortText, Version
from models_app.models import Chat
from models_app.selectors.chats import chat_get, chats_visible
from models_app.services import chats as services

router = Router(tags=["chats"])


class ChatIn(In):
    """A chat to be kept."""

    title: ShortText
    content: dict[str, Any]


class ChatEditIn(In):
    """What may change of a kept chat; what is left out stays."""

    version: Version | None = None
    title: ShortText | None = None
    content: dict[str, Any] | None = None


class ChatHeadOut(RowOut):
    """A kept chat in a list."""

    title: str


class ChatOut(ChatHeadOut):
    """A kept chat with its settings and messages."""

    content: dict[str, Any]


class ChatPage(PageOut):
    """One page of chats."""

    items: list[ChatHeadOut]


@router.get("", response=ChatPage, summary="List kept chats")
def list_chats(request: HttpRequest, filters: Query[PageIn]) -> dict[str, Any]:
    """Return one's own kept chats, newest first."""
    return page_of(chats_visible(actor_of(request)).defer("content"), filters, "-id")


@router.post("", response={201: ChatOut}, summary="Keep a chat")
def keep_chat(request: HttpRequest, payload: ChatIn, response: HttpResponse) -> Status[Chat]:
    """Keep a chat for oneself."""
    row = services.chat_keep(actor_of(request), title=payload.title, content=payload.content)
    response["Location"] = f"{request.path}/{row.public_id}"
    return Status(201, row)


@router.get("/{chat}", response=ChatOut, summary="Read a kept chat")
def read_chat(request: HttpRequest, chat: str) -> Chat:
    """Return one of one's own chats."""
    return chat_get(actor_of(request), chat)


@router.patch("/{chat}", response=ChatOut, summary="Edit a kept chat")
def edit_chat(request: HttpRequest, chat: str, payload: ChatEditIn) -> Chat:
    """Change title or content."""
    actor = actor_of(request)
    return services.chat_edit(
        actor,
        chat_get(actor, chat),
        version=payload.version,
        title=payload.title,
        content=payload.content,
    )


@router.delete("/{chat}", response={204: None}, summary="Delete a kept chat")
def delete_chat(request: HttpRequest, chat: str) -> Status[None]:
    """Delete a chat; nothing of it stays."""
    actor = actor_of(request)
    services.chat_delete(actor, chat_get(actor, chat))
    return Status(204, None)
