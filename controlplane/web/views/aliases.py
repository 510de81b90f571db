"""Aliases: the list, one with its versions, and what people do to them."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from controlplane.fragments import gateway as parts
from controlplane.web.forms.gateway import ALIAS_FIELDS, AliasForm
from controlplane.web.forms.refused import show_refusal
from controlplane.web.gateway_tabs import tabs_of
from controlplane.web.input import form_status, number_from, version_from
from controlplane.web.pages import acted, actor_of, show
from models_app.domain.errors import InvalidError, SlipwayError
from models_app.domain.states import Role
from models_app.models import Alias
from models_app.selectors.aliases import alias_get
from models_app.selectors.model_names import model_names
from models_app.services import aliases as services


def index(request: HttpRequest) -> HttpResponse:
    """List the aliases."""
    context = parts.aliases_context(actor_of(request), request.GET)
    return show(request, "gateway/aliases.html", tabs=tabs_of("aliases"), **context)


def create(request: HttpRequest) -> HttpResponse:
    """Make an alias."""
    actor = actor_of(request)
    actor.require(Role.OPERATOR)
    names = model_names(actor)
    form = AliasForm(request.POST or None, deployments=names.deployments)
    if request.method == "POST" and form.is_valid():
        try:
            alias = services.alias_create(actor, name=form.cleaned_data["name"], **form.chosen())
        except SlipwayError as error:
            show_refusal(form, error, ALIAS_FIELDS)
        else:
            text = gettext("{name} answers now.").format(name=alias.name)
            return acted(request, text, to=_page(alias), moves=True)
    return show(request, "gateway/alias_form.html", status=form_status(form), form=form, alias=None)


def detail(request: HttpRequest, name: str) -> HttpResponse:
    """One alias: its picture and its versions."""
    actor = actor_of(request)
    context = parts.alias_context(actor, alias_get(actor, name))
    return show(request, "gateway/alias.html", **context)


def edit(request: HttpRequest, name: str) -> HttpResponse:
    """Give an alias a new version."""
    actor = actor_of(request)
    actor.require(Role.OPERATOR)
    alias = alias_get(actor, name)
    targets = parts.alias_lines([(alias, alias.current)])[0].targets
    form = AliasForm(
        request.POST or None,
        deployments=model_names(actor).deployments,
        shares=[services.Share(t.deployment, t.weight) for t in targets.targets],
        fallback=[t.deployment for t in targets.fallback],
        is_new=False,
    )
    version = version_from(request)
    if request.method == "POST" and form.is_valid():
        try:
            services.alias_edit(actor, alias, version=version, **form.chosen())
        except SlipwayError as error:
            show_refusal(form, error, ALIAS_FIELDS)
        else:
            text = gettext("{name} was saved; gateways follow within seconds.")
            return acted(request, text.format(name=alias.name), to=_page(alias), moves=True)
    return show(
        request,
        "gateway/alias_form.html",
        status=form_status(form),
        form=form,
        alias=alias,
        version=version or alias.version,
    )


@require_POST
def roll_back(request: HttpRequest, name: str) -> HttpResponse:
    """Choose an older version again; undo chooses the one before."""
    actor = actor_of(request)
    alias = alias_get(actor, name)
    before = alias.current.number if alias.current else 0
    number = number_from(request, "number")
    services.alias_roll_back(actor, alias, version=version_from(request), number=number)
    text = gettext("{name} is back at version {number}.").format(name=alias.name, number=number)
    undo = f"{reverse('web:alias-roll-back', args=[alias.name])}?number={before}"
    return acted(request, text, to=_page(alias), undo=undo)


@require_POST
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """Remove an alias; the name must be typed."""
    actor = actor_of(request)
    alias = alias_get(actor, name)
    if request.POST.get("confirm_name", "") != alias.name:
        raise InvalidError("NAME_NOT_CONFIRMED", params={"name": alias.name})
    services.alias_delete(actor, alias, version=None)
    text = gettext("{name} was removed.").format(name=alias.name)
    return acted(request, text, to=reverse("web:aliases"), moves=True)


def _page(alias: Alias) -> str:
    return reverse("web:alias", args=[alias.name])
