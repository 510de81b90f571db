"""Reads of kept chats: a person sees their own, nobody sees another's."""

from uuid import UUID

from django.db.models import QuerySet

from models_app.domain.actors import Actor
from models_app.domain.states import Role
from models_app.models import Chat
from models_app.selectors.lookup import row_by_ref


def chats_visible(actor: Actor) -> QuerySet[Chat]:
    """Return the actor's own kept chats, last changed first."""
    actor.require(Role.VIEWER)
    return Chat.objects.filter(user=actor.user_id).order_by("-updated_at", "-id")


def chat_get(actor: Actor, ref: str | UUID) -> Chat:
    """Return one of the actor's own chats by public id. Raises NotFoundError."""
    return row_by_ref(chats_visible(actor), "chat", ref)
