"""One verb for many selected hosts: cordon, open, drain, label; and removing, which asks first."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from controlplane.web.pages import actor_of
from controlplane.web.views.bulk import Verb, all_of, ask, is_confirmed, selected
from models_app.domain.actors import Actor
from models_app.domain.errors import InvalidError
from models_app.domain.states import Role, Scheduling
from models_app.selectors.hosts import host_get, hosts_visible
from models_app.services import hosts as services


@require_POST
def hosts(request: HttpRequest) -> HttpResponse:
    """Cordon, open, drain or label the selected hosts."""
    if (request.POST.get("verb") or request.GET.get("verb")) == "label":
        return all_of(request, {"label": _labelling(request)}, "web:hosts", "", verb="label")
    return all_of(request, _VERBS, "web:hosts", "web:hosts-bulk")


@require_POST
def hosts_remove(request: HttpRequest) -> HttpResponse:
    """Forget the selected hosts on which nothing runs, after a page that names both kinds."""
    actor = actor_of(request)
    actor.require(Role.ADMIN)
    rows = list(hosts_visible(actor).filter(name__in=selected(request)))
    free = [row for row in rows if not row.replicas_live]  # type: ignore[attr-defined]
    if not is_confirmed(request, [row.name for row in free]):
        in_use = [row for row in rows if row not in free]
        return ask(request, "hosts/bulk_remove.html", rows=free, in_use=in_use)
    return all_of(request, {"remove": _REMOVE}, "web:hosts", "", verb="remove")


def _cordon(actor: Actor, ref: str) -> bool:
    row = host_get(actor, ref)
    was = row.scheduling
    services.host_cordon(actor, row, version=None)
    return was != Scheduling.CORDONED


def _open(actor: Actor, ref: str) -> bool:
    row = host_get(actor, ref)
    was = row.scheduling
    services.host_uncordon(actor, row, version=None)
    return was != Scheduling.OPEN


def _drain(actor: Actor, ref: str) -> bool:
    row = host_get(actor, ref)
    was = row.scheduling
    services.host_drain(actor, row, version=None)
    return was != Scheduling.DRAINING


def _remove(actor: Actor, ref: str) -> bool:
    services.host_remove(actor, host_get(actor, ref), version=None)
    return True


def _labelling(request: HttpRequest) -> Verb:
    """Return the verb that sets the label that was typed: `site=rome`, or `site=` to take it away.

    Raises InvalidError LABELS_INVALID.
    """
    key, sign, value = (part.strip() for part in request.POST.get("label", "").partition("="))
    if not key or not sign:
        raise InvalidError(
            "LABELS_INVALID",
            params={"limit": services.LABELS_LIMIT},
            fields={"labels": "VALUE_INVALID"},
        )

    def act(actor: Actor, ref: str) -> bool:
        row = host_get(actor, ref)
        before = dict(row.labels)
        after = services.host_label(actor, row, labels={key: value})
        return bool(after.labels != before)

    return Verb(act, lambda n: ngettext("{n} host is labelled.", "{n} hosts are labelled.", n))


_VERBS = {
    "cordon": Verb(
        _cordon,
        lambda n: ngettext("{n} host takes no new replicas.", "{n} hosts take no new replicas.", n),
        "open",
    ),
    "open": Verb(
        _open,
        lambda n: ngettext("{n} host takes replicas again.", "{n} hosts take replicas again.", n),
        "cordon",
    ),
    "drain": Verb(
        _drain,
        lambda n: ngettext("{n} host is being emptied.", "{n} hosts are being emptied.", n),
        "open",
    ),
}
_REMOVE = Verb(
    _remove, lambda n: ngettext("{n} host is being removed.", "{n} hosts are being removed.", n)
)
