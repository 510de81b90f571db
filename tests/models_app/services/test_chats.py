import pytest

from models_app.domain.errors import ConflictError, InvalidError, NotFoundError, TooLargeError
from models_app.models import AuditEntry, Chat, User
from models_app.selectors.chats import chat_get, chats_visible
from models_app.services import chats
from models_app.services.chats import chat_delete, chat_edit, chat_keep
from tests.factories import actor_of


def test_a_kept_chat_is_its_owners_alone(alice: User, charlie: User) -> None:
    chat = chat_keep(actor_of(charlie), title="Ideas", content={"messages": [{"text": "hush"}]})
    assert chat_get(actor_of(charlie), chat.public_id) == chat
    with pytest.raises(NotFoundError):
        chat_get(actor_of(alice), chat.public_id)
    assert not chats_visible(actor_of(alice)).exists()
    assert "hush" not in str(list(AuditEntry.objects.values()))
    chat_delete(actor_of(charlie), chat)
    assert not Chat.objects.exists()


def test_a_chat_is_edited_by_version(charlie: User) -> None:
    chat = chat_keep(actor_of(charlie), title="Ideas", content={})
    chat_edit(actor_of(charlie), chat, version=1, title="Plans", content={"messages": []})
    assert (chat.title, chat.version) == ("Plans", 2)
    with pytest.raises(ConflictError, match="STALE"):
        chat_edit(actor_of(charlie), chat, version=1, title="Older")


def test_limits_hold(charlie: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooLargeError, match="CHAT_TOO_LARGE"):
        chat_keep(actor_of(charlie), title="t", content={"x": "y" * chats.CONTENT_BYTES})
    for title in ("", " ", "x" * 201, "a\x00b"):
        with pytest.raises(InvalidError):
            chat_keep(actor_of(charlie), title=title, content={})
    monkeypatch.setattr(chats, "CHATS_LIMIT", 1)
    chat_keep(actor_of(charlie), title="t", content={})
    with pytest.raises(ConflictError, match="CHATS_FULL"):
        chat_keep(actor_of(charlie), title="t", content={})
