"""Hosts: the list, one, and what people do to it."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from controlplane.fragments import hosts as parts
from controlplane.fragments.host_reach import reach_context
from controlplane.web.pages import acted, actor_of, counts_of, show, state_chips
from controlplane.web.views.host_models import tabs_of
from models_app.domain.errors import InvalidError
from models_app.domain.states import HostState
from models_app.models import Host
from models_app.selectors.hosts import host_get
from models_app.services import hosts as services
from models_app.services.host_connections import host_identity_accept

_CHIPS = (HostState.READY, HostState.PENDING, HostState.UNREACHABLE, HostState.FAILED)


def index(request: HttpRequest) -> HttpResponse:
    """List the hosts."""
    counts = counts_of(request)
    return show(
        request,
        "hosts/list.html",
        **parts.table_context(actor_of(request), request.GET),
        chips=state_chips(counts, "host", _CHIPS),
        total=counts.total("host"),
    )


def detail(request: HttpRequest, name: str) -> HttpResponse:
    """One host: what it is, how full, what runs there."""
    actor = actor_of(request)
    host = host_get(actor, name)
    return show(
        request,
        "hosts/detail.html",
        **parts.head_context(actor, host),
        **reach_context(host),
        tabs=tabs_of(host, "overview"),
        **{k: v for k, v in parts.work_context(actor, host).items() if k != "host"},
        **{k: v for k, v in parts.history_context(actor, host).items() if k != "host"},
    )


def _page(host: Host) -> str:
    return reverse("web:host", args=[host.name])


@require_POST
def cordon(request: HttpRequest, name: str) -> HttpResponse:
    """Put no new replicas there."""
    actor = actor_of(request)
    host = services.host_cordon(actor, host_get(actor, name), version=None)
    text = gettext("{name} takes no new replicas.").format(name=host.name)
    return acted(request, text, to=_page(host), undo=reverse("web:host-uncordon", args=[host.name]))


@require_POST
def uncordon(request: HttpRequest, name: str) -> HttpResponse:
    """Open it again."""
    actor = actor_of(request)
    host = services.host_uncordon(actor, host_get(actor, name), version=None)
    text = gettext("{name} takes replicas again.").format(name=host.name)
    return acted(request, text, to=_page(host), undo=reverse("web:host-cordon", args=[host.name]))


@require_POST
def drain(request: HttpRequest, name: str) -> HttpResponse:
    """Move what runs to other hosts, as far as there is room."""
    actor = actor_of(request)
    host = services.host_drain(actor, host_get(actor, name), version=None)
    text = gettext("{name}: its replicas move to other hosts.").format(name=host.name)
    return acted(request, text, to=_page(host), undo=reverse("web:host-uncordon", args=[host.name]))


@require_POST
def check(request: HttpRequest, name: str) -> HttpResponse:
    """Look at it now."""
    actor = actor_of(request)
    host = services.host_check(actor, host_get(actor, name))
    text = gettext("Looking at {name} now.").format(name=host.name)
    return acted(request, text, to=_page(host))


@require_POST
def accept_identity(request: HttpRequest, name: str) -> HttpResponse:
    """Trust the identity that the host shows now; `shown` is the fingerprint that was read."""
    actor = actor_of(request)
    shown = request.POST.get("shown", "")
    host = host_identity_accept(actor, host_get(actor, name), shown=shown)
    text = gettext("{name} is trusted by its new identity.").format(name=host.name)
    return acted(request, text, to=_page(host))


@require_POST
def remove(request: HttpRequest, name: str) -> HttpResponse:
    """Forget it; the name must be typed."""
    actor = actor_of(request)
    host = host_get(actor, name)
    if request.POST.get("confirm_name", "") != host.name:
        raise InvalidError("NAME_NOT_CONFIRMED", params={"name": host.name})
    services.host_remove(actor, host, version=None)
    text = gettext("{name} is being removed.").format(name=host.name)
    return acted(request, text, to=reverse("web:hosts"), moves=True)
