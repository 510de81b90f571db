"""One verb for many selected rows: each is its own change, and what was refused is told by name.

Stopping, starting, cancelling and retrying happen at once and can be taken back. Deleting first
shows a page that names what is lost and asks for the name, or for the number of what is selected.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from controlplane.web.pages import acted, actor_of, show
from controlplane.wording.errors import error_text
from controlplane.wording.formats import number_text
from models_app.domain.actors import Actor
from models_app.domain.errors import InvalidError, SlipwayError
from models_app.domain.states import OperationState, Role, Wish
from models_app.models import Deployment, LanguageModel, Operation
from models_app.selectors.deployments import deployment_get, deployments_visible
from models_app.selectors.language_models import model_get, models_visible
from models_app.selectors.operations import operation_get
from models_app.services import deployments as deployment_services
from models_app.services import operations as operation_services
from models_app.services.language_models import model_delete, model_users

SELECTED_LIMIT = 100  # a page has fewer
REFUSED_NAMED = 3


@dataclass(frozen=True, slots=True)
class Verb:
    """What is done with each row, how it is told, and the verb that takes it back."""

    act: Callable[[Actor, str], bool]  # of one row by its reference; False: it was so already
    told: Callable[[int], str]  # a sentence with {n}
    undo: str = ""


@dataclass(slots=True)
class Outcome:
    """What came of a verb: references done, how many were so already, names with refusals."""

    done: list[str] = field(default_factory=list)
    idle: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


@require_POST
def deployments(request: HttpRequest) -> HttpResponse:
    """Stop or start the selected deployments."""
    return all_of(request, _DEPLOYMENT_VERBS, "web:deployments", "web:deployments-bulk")


@require_POST
def operations(request: HttpRequest) -> HttpResponse:
    """Cancel or retry the selected operations."""
    return all_of(request, _OPERATION_VERBS, "web:operations", "web:operations-bulk")


@require_POST
def deployments_delete(request: HttpRequest) -> HttpResponse:
    """Delete the selected deployments, after a page that names what goes with them."""
    actor = actor_of(request)
    actor.require(Role.OPERATOR)
    names = selected(request)
    rows = list(deployments_visible(actor).filter(name__in=names))
    if not is_confirmed(request, [row.name for row in rows]):
        return ask(request, "deployments/bulk_delete.html", rows=rows)
    return all_of(request, {"delete": _DELETE_DEPLOYMENT}, "web:deployments", "", verb="delete")


@require_POST
def models_delete(request: HttpRequest) -> HttpResponse:
    """Delete the selected models that nothing uses, after a page that names both kinds."""
    actor = actor_of(request)
    actor.require(Role.OPERATOR)
    names = selected(request)
    rows = list(models_visible(actor).filter(name__in=names))
    used = {row.name: users for row in rows if (users := model_users(row))}
    free = [row for row in rows if row.name not in used]
    if not is_confirmed(request, [row.name for row in free]):
        in_use = [(row, used[row.name]) for row in rows if row.name in used]
        return ask(request, "models/bulk_delete.html", rows=free, in_use=in_use)
    return all_of(request, {"delete": _DELETE_MODEL}, "web:models", "", verb="delete")


def _stop(actor: Actor, ref: str) -> bool:
    row = deployment_get(actor, ref)
    was = row.wish == Wish.STOPPED
    deployment_services.deployment_stop(actor, row, version=None)
    return not was


def _start(actor: Actor, ref: str) -> bool:
    row = deployment_get(actor, ref)
    was = row.wish == Wish.RUNNING
    deployment_services.deployment_start(actor, row, version=None)
    return not was


def _delete_deployment(actor: Actor, ref: str) -> bool:
    row: Deployment = deployment_get(actor, ref)
    deployment_services.deployment_delete(actor, row, version=None)
    return True


def _delete_model(actor: Actor, ref: str) -> bool:
    row: LanguageModel = model_get(actor, ref)
    model_delete(actor, row, version=None)
    return True


def _cancel(actor: Actor, ref: str) -> bool:
    row: Operation = operation_get(actor, ref)
    was = row.state == OperationState.CANCELLING
    operation_services.operation_cancel(actor, row)
    return not was


def _retry(actor: Actor, ref: str) -> bool:
    operation_services.operation_retry(actor, operation_get(actor, ref))
    return True


_DEPLOYMENT_VERBS = {
    "stop": Verb(
        _stop, lambda n: ngettext("{n} deployment stops.", "{n} deployments stop.", n), "start"
    ),
    "start": Verb(
        _start, lambda n: ngettext("{n} deployment starts.", "{n} deployments start.", n), "stop"
    ),
}
_OPERATION_VERBS = {
    "cancel": Verb(
        _cancel,
        lambda n: ngettext("{n} operation is cancelled.", "{n} operations are cancelled.", n),
    ),
    "retry": Verb(
        _retry,
        lambda n: ngettext("{n} operation begins again.", "{n} operations begin again.", n),
        "cancel",
    ),
}
_DELETE_DEPLOYMENT = Verb(
    _delete_deployment,
    lambda n: ngettext("{n} deployment is being deleted.", "{n} deployments are being deleted.", n),
)
_DELETE_MODEL = Verb(
    _delete_model,
    lambda n: ngettext("{n} model is being deleted.", "{n} models are being deleted.", n),
)


def all_of(
    request: HttpRequest, verbs: dict[str, Verb], page: str, again: str, *, verb: str = ""
) -> HttpResponse:
    """Do the verb that was sent, or `verb`, with every selected row; tell it and offer to undo."""
    actor = actor_of(request)
    actor.require(Role.OPERATOR)
    chosen = verbs.get(verb or request.POST.get("verb") or request.GET.get("verb", ""))
    if chosen is None:
        raise InvalidError("VALUE_INVALID", params={"field": "verb"})
    outcome = _do(actor, chosen, selected(request))
    undo = ""
    if chosen.undo and outcome.done:
        asked = [("verb", chosen.undo), *(("selected", ref) for ref in outcome.done)]
        undo = f"{reverse(again)}?{urlencode(asked)}"
    level = "success" if not outcome.refused else "warning" if outcome.done else "error"
    text = _told(chosen, outcome)
    return acted(request, text, to=reverse(page), undo=undo, level=level, moves=bool(verb))


def _do(actor: Actor, verb: Verb, refs: Iterable[str]) -> Outcome:
    outcome = Outcome()
    for ref in refs:
        try:
            if verb.act(actor, ref):
                outcome.done.append(ref)
            else:
                outcome.idle += 1
        except SlipwayError as error:
            outcome.refused.append((ref, error_text(error).sentence))
    return outcome


def _told(verb: Verb, outcome: Outcome) -> str:
    said = []
    if outcome.done or not outcome.refused:
        said.append(verb.told(len(outcome.done)).format(n=number_text(len(outcome.done))))
    said += [sentence for _ref, sentence in outcome.refused[:REFUSED_NAMED]]
    if len(outcome.refused) > REFUSED_NAMED:
        more = len(outcome.refused) - REFUSED_NAMED
        text = ngettext("{n} more was refused.", "{n} more were refused.", more)
        said.append(text.format(n=number_text(more)))
    if outcome.idle:
        text = ngettext("{n} was so already.", "{n} were so already.", outcome.idle)
        said.append(text.format(n=number_text(outcome.idle)))
    return " ".join(said)


def selected(request: HttpRequest) -> list[str]:
    """Return what is selected, each once. Raises InvalidError NOTHING_SELECTED."""
    found = request.POST.getlist("selected") or request.GET.getlist("selected")
    refs = list(dict.fromkeys(ref for ref in found if ref))
    if not 0 < len(refs) <= SELECTED_LIMIT:
        raise InvalidError("NOTHING_SELECTED", params={"limit": SELECTED_LIMIT})
    return refs


def _word_of(names: list[str]) -> str:
    """Return what must be typed: the name of one, the number of many."""
    return names[0] if len(names) == 1 else str(len(names))


def is_confirmed(request: HttpRequest, names: list[str]) -> bool:
    """Whether the page was filled in. Raises InvalidError when something else was typed."""
    typed = request.POST.get("confirm_name")
    if typed is None:
        return False
    if not names or typed.strip() != _word_of(names):
        raise InvalidError("NAME_NOT_CONFIRMED", params={"name": _word_of(names or ["-"])})
    return True


def ask(request: HttpRequest, template: str, *, rows: list[Any], **more: Any) -> HttpResponse:
    """Show the page that names what is lost and says what to type."""
    word = _word_of([row.name for row in rows]) if rows else ""
    return show(request, template, rows=rows, word=word, **more)
