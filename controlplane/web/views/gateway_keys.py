"""Gateway keys: the list, a new one shown once, one with its scope, revoked."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from controlplane.fragments import gateway as parts
from controlplane.fragments.usage import tokens_words
from controlplane.web.forms.gateway import ALIAS, DEPLOYMENT, KEY_FIELDS, KeyEditForm, KeyForm
from controlplane.web.forms.refused import show_refusal
from controlplane.web.gateway_tabs import tabs_of
from controlplane.web.input import form_status, version_from
from controlplane.web.pages import acted, actor_of, show
from models_app.domain.actors import Actor
from models_app.domain.errors import SlipwayError
from models_app.domain.states import Role
from models_app.models import GatewayKey
from models_app.selectors.gateway_keys import key_get
from models_app.selectors.model_names import ModelNames, model_names, names_of_key
from models_app.selectors.usage import UsageQuery, usage_span, usage_totals
from models_app.services import gateway_keys as services


def index(request: HttpRequest) -> HttpResponse:
    """List the keys."""
    context = parts.keys_context(actor_of(request), request.GET)
    return show(request, "gateway/keys.html", tabs=tabs_of("keys"), **context)


@never_cache
def create(request: HttpRequest) -> HttpResponse:
    """Make a key; its text is on the page that answers, and never again."""
    actor = actor_of(request)
    actor.require(Role.OPERATOR)
    names = model_names(actor)
    asked = request.GET.get("deployment", "")
    initial = {"models": [f"{DEPLOYMENT}{asked}"], "name": asked} if asked else {}
    form = KeyForm(request.POST or None, initial=initial, **_may(actor, names))
    if request.method == "POST" and form.is_valid():
        try:
            key, secret = services.gateway_key_create(
                actor,
                name=form.cleaned_data["name"],
                scope=form.scope(),
                limits=form.limits(),
                days=form.cleaned_data["days"],
                ollama_face=form.cleaned_data["ollama_face"],
            )
        except SlipwayError as error:
            show_refusal(form, error, KEY_FIELDS)
        else:
            line = parts.key_lines([key])[0]
            return show(request, "gateway/key_made.html", line=line, secret=secret)
    return show(
        request, "gateway/key_form.html", status=form_status(form), form=form, names=names, key=None
    )


def detail(request: HttpRequest, ref: str) -> HttpResponse:
    """One key: what it opens, how much, what it used."""
    actor = actor_of(request)
    key = key_get(actor, ref)
    totals = usage_totals(actor, UsageQuery(usage_span("24h"), key=key))
    return show(
        request,
        "gateway/key.html",
        line=parts.key_lines([key])[0],
        totals=totals,
        tokens_words=tokens_words(totals),
        is_mine=key.owner_id == actor.user_id,
    )


def edit(request: HttpRequest, ref: str) -> HttpResponse:
    """Change what a key opens and how much."""
    actor = actor_of(request)
    actor.require(Role.OPERATOR)
    key = key_get(actor, ref)
    names = model_names(actor)
    form = KeyEditForm(request.POST or None, initial=_initial(key), **_may(actor, names))
    version = version_from(request)
    if request.method == "POST" and form.is_valid():
        try:
            services.gateway_key_edit(
                actor,
                key,
                version=version,
                name=form.cleaned_data["name"],
                scope=form.scope(),
                limits=form.limits(),
                ollama_face=form.cleaned_data["ollama_face"],
            )
        except SlipwayError as error:
            show_refusal(form, error, KEY_FIELDS)
        else:
            text = gettext("The key {name} was saved; gateways follow within seconds.")
            return acted(request, text.format(name=key.name), to=_page(key), moves=True)
    return show(
        request,
        "gateway/key_form.html",
        status=form_status(form),
        form=form,
        names=names,
        key=key,
        version=version or key.version,
    )


@require_POST
def revoke(request: HttpRequest, ref: str) -> HttpResponse:
    """Make a key useless, everywhere within seconds."""
    actor = actor_of(request)
    key = services.gateway_key_revoke(actor, key_get(actor, ref))
    text = gettext("The key {name} was revoked.").format(name=key.name)
    return acted(request, text, to=reverse("web:gateway-keys"), moves=True)


def _page(key: GatewayKey) -> str:
    return reverse("web:gateway-key", args=[key.key_id])


def _may(actor: Actor, names: ModelNames) -> dict[str, Any]:
    return {"names": names, "may_open_every": actor.role.allows(Role.ADMIN)}


def _initial(key: GatewayKey) -> dict[str, Any]:
    names = names_of_key(key)
    return {
        "name": key.name,
        "every_model": key.every_model,
        "models": [
            *(f"{ALIAS}{name}" for name in names.aliases),
            *(f"{DEPLOYMENT}{name}" for name in names.deployments),
        ],
        "routes": key.routes,
        "ollama_face": key.ollama_face,
        **key.limits,
    }
