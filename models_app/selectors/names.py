"""The names of everything, for jumping to it."""

from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, F, QuerySet, Value
from django.db.models.functions import Cast

from models_app.domain.actors import Actor
from models_app.domain.states import Role, Wish
from models_app.models import Deployment, Host, LanguageModel


@dataclass(frozen=True, slots=True)
class NamedRow:
    """One object: its kind, name, title where it has one, and a deployment's wish."""

    kind: str
    name: str
    title: str
    state: str


def named_rows(actor: Actor, *, limit: int) -> list[NamedRow]:
    """Return deployments, hosts and models, up to `limit` of each."""
    actor.require(Role.VIEWER)
    parts = (
        ("deployment", Deployment.objects.exclude(wish=Wish.DELETED), Value(""), F("wish")),
        ("host", Host.objects.all(), Value(""), F("state")),
        ("model", LanguageModel.objects.all(), F("title"), Value("")),
    )
    return [
        NamedRow(kind, *row)
        for kind, rows, title, state in parts
        for row in _named(rows, title, state)[:limit]
    ]


def _named(rows: QuerySet[Any], title: Any, state: Any) -> QuerySet[Any, Any]:
    found: QuerySet[Any, Any] = rows.order_by("name").values_list(
        "name", Cast(title, CharField()), Cast(state, CharField())
    )
    return found
