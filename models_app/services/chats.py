"""Playground chats that their owner chose to keep: nobody else sees them, no admin either."""

import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from models_app.domain.actors import Actor
from models_app.domain.errors import ConflictError, InvalidError, TooLargeError
from models_app.domain.states import Role
from models_app.models import Chat
from models_app.selectors.people import user_of
from models_app.services.records import lock_version

CHATS_LIMIT = 500  # per person
CONTENT_BYTES = 512 << 10
TITLE_LENGTH = 200


@transaction.atomic
def chat_keep(actor: Actor, *, title: str, content: Mapping[str, Any]) -> Chat:
    """Keep a chat. Raises TooLargeError, ConflictError CHATS_FULL."""
    actor.require(Role.VIEWER)
    user = user_of(actor)
    if Chat.objects.filter(user=user).count() >= CHATS_LIMIT:
        raise ConflictError("CHATS_FULL", params={"limit": CHATS_LIMIT})
    return Chat.objects.create(
        user=user, title=_checked_title(title), content=_checked_content(content)
    )


@transaction.atomic
def chat_edit(
    actor: Actor,
    chat: Chat,
    *,
    version: int | None,
    title: str | None = None,
    content: Mapping[str, Any] | None = None,
) -> Chat:
    """Change title or content of one's own chat (a row of `chat_get`). Raises ConflictError."""
    actor.require(Role.VIEWER)
    lock_version(chat, version)
    if title is not None:
        chat.title = _checked_title(title)
    if content is not None:
        chat.content = _checked_content(content)
    chat.save()
    return chat


@transaction.atomic
def chat_delete(actor: Actor, chat: Chat) -> None:
    """Delete one's own chat; nothing of it stays. No audit row holds its words."""
    actor.require(Role.VIEWER)
    chat.delete()


def _checked_title(title: str) -> str:
    title = title.strip()
    if not title or len(title) > TITLE_LENGTH or not title.isprintable():
        raise InvalidError("VALUE_INVALID", fields={"title": "VALUE_INVALID"})
    return title


def _checked_content(content: Mapping[str, Any]) -> dict[str, Any]:
    size = len(json.dumps(content).encode())
    if size > CONTENT_BYTES:
        raise TooLargeError(
            "CHAT_TOO_LARGE", params={"limit": CONTENT_BYTES}, fields={"content": "CHAT_TOO_LARGE"}
        )
    return dict(content)
