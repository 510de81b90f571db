"""The form of a host: how it is reached, tested by the hands before anything is kept."""

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from controlplane.fragments.host_checks import check_context
from controlplane.web.forms.hosts import THIS_MACHINE, HostAddForm, HostEditForm, initial_of
from controlplane.web.forms.refused import show_refusal
from controlplane.web.input import form_status, version_from
from controlplane.web.pages import acted, actor_of, show
from models_app.domain.actors import Actor
from models_app.domain.connections import parse_connection
from models_app.domain.errors import ConflictError, SlipwayError
from models_app.domain.states import Role
from models_app.models import Host, Operation
from models_app.selectors.hosts import host_get, hosts_visible
from models_app.selectors.operations import operation_get
from models_app.services import hosts as services
from models_app.services.host_checks import check_spend, checked_reach, host_check_begin

_FIELDS = {"memory_budget_bytes": "memory_budget"}


def add(request: HttpRequest) -> HttpResponse:
    """Add a host."""
    actor = actor_of(request)
    actor.require(Role.ADMIN)
    form = _new_form(actor, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            check = _check_of(actor, form)
            host = services.host_add(actor, **_reach(actor, form, check, None), **form.changes())
        except SlipwayError as error:
            show_refusal(form, error, _FIELDS | form.own_names())
        else:
            if check:
                check_spend(check)
            text = gettext("{name} was added; Slipway looks at it now.").format(name=host.name)
            return acted(request, text, to=_page(host), moves=True)
    return _show(request, form, None)


def edit(request: HttpRequest, name: str) -> HttpResponse:
    """Change what people say of a host, and how it is reached."""
    actor = actor_of(request)
    actor.require(Role.ADMIN)
    host = host_get(actor, name)
    form = HostEditForm(request.POST or None, initial=initial_of(host), runtime=host.runtime)
    version = version_from(request)
    if request.method == "POST" and form.is_valid():
        try:
            _save(actor, form, host, version)
        except SlipwayError as error:
            show_refusal(form, error, _FIELDS | form.own_names())
        else:
            text = gettext("{name} was saved.").format(name=form.cleaned_data["name"])
            to = reverse("web:host", args=[form.cleaned_data["name"]])
            return acted(request, text, to=to, moves=True)
    return _show(request, form, host, version=version or host.version)


@require_POST
def try_connection(request: HttpRequest) -> HttpResponse:
    """Begin a test of what the form says; the answer comes live, from the hands."""
    actor = actor_of(request)
    actor.require(Role.ADMIN)
    edited = request.POST.get("host", "")
    host = host_get(actor, edited) if edited else None
    form = (
        HostEditForm(request.POST, runtime=host.runtime) if host else _new_form(actor, request.POST)
    )
    form.full_clean()
    runtime = form.runtime_key
    if not runtime:
        return show(request, "hosts/_check.html", nothing=True)
    try:
        check = host_check_begin(
            actor,
            runtime=runtime,
            connection=form.connection(),
            secret=form.secret(),
            host=host,
        )
    except SlipwayError as error:
        return _refused_test(request, form, error)
    return show(request, "hosts/_check.html", **check_context(check))


def _refused_test(request: HttpRequest, form: HostEditForm, error: SlipwayError) -> HttpResponse:
    """Say above the button what is wrong with which field; the form itself stays untouched."""
    form.errors.clear()
    show_refusal(form, error, form.own_names())
    mistakes = [
        (form[name].label if name in form.fields else "", text)
        for name, texts in form.errors.items()
        for text in texts
    ]
    return show(request, "hosts/_check.html", mistakes=mistakes)


def _save(actor: Actor, form: HostEditForm, host: Host, version: int | None) -> None:
    check = _check_of(actor, form)
    reach = _reach(actor, form, check, host)
    reach.pop("runtime", None)
    services.host_edit(actor, host, version=version, reach=reach, **form.changes())
    if check:
        check_spend(check)


def _reach(
    actor: Actor, form: HostEditForm, check: Operation | None, host: Host | None
) -> dict[str, Any]:
    """Return how the host is reached: as it was tested, or untested as the form says."""
    runtime, connection = form.runtime_key, form.connection()
    if check is None:
        return {"runtime": runtime, "connection": connection, "secret": form.secret()}
    reach = checked_reach(actor, check, trusted=form.cleaned_data["trusted"], host=host)
    is_the_same = (
        reach["runtime"] == runtime
        and reach["connection"] == parse_connection(runtime, connection).stored()
        and form.secret().items() <= reach["secret"].items()
    )
    if not is_the_same:
        raise ConflictError("CHECK_OTHER")
    return reach


def _check_of(actor: Actor, form: HostEditForm) -> Operation | None:
    ref = form.cleaned_data.get("check")
    return operation_get(actor, ref) if ref else None


def _show(request: HttpRequest, form: HostEditForm, host: Host | None, **more: Any) -> HttpResponse:
    check = None
    if form.is_bound and form.cleaned_data.get("check"):
        check = _check_of(actor_of(request), form)
    return show(
        request,
        "hosts/form.html",
        status=form_status(form),
        form=form,
        host=host,
        has_secret=bool(host and host.secret),
        **(check_context(check) if check else {"nothing": True}),
        is_trusted=bool(form.is_bound and form.cleaned_data.get("trusted")),
        **more,
    )


def _new_form(actor: Actor, data: QueryDict | None) -> HostAddForm:
    """Return the form of a new host; this machine can be one only once."""
    known = hosts_visible(actor).filter(runtime=THIS_MACHINE).exists()
    initial = {"runtime": "docker" if known else THIS_MACHINE}
    return HostAddForm(data, has_this_machine=known, initial=initial)


def _page(host: Host) -> str:
    return reverse("web:host", args=[host.name])
