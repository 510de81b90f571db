"""The models of an Ollama host: the tab, what can be done there, and the editor of a variant."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from controlplane.fragments.host_models import models_context, models_head
from controlplane.fragments.progress import operation_title
from controlplane.web.forms.host_models import (
    ModelfileForm,
    ModelNameForm,
    PushForm,
    VariantForm,
    initial_of,
    is_for_fields,
)
from controlplane.web.forms.refused import show_refusal
from controlplane.web.input import form_status
from controlplane.web.pages import acted, actor_of, show
from models_app.domain.errors import InvalidError, SlipwayError
from models_app.domain.gguf import ADAPTER_FORMAT
from models_app.domain.modelfile import Modelfile, parse_modelfile, render_modelfile
from models_app.domain.states import ArtifactState, Role
from models_app.domain.variants import VARIANTS
from models_app.models import Artifact, Host, Operation
from models_app.selectors.host_models import host_model_bases, host_model_get
from models_app.selectors.hosts import host_get
from models_app.selectors.language_models import artifacts_visible
from models_app.services import host_models as services

ALWAYS_S, HOUR_S, MINUTES_S = -1, 3600, 300


def tabs_of(host: Host, current: str) -> list[dict[str, Any]]:
    """Return the tabs of a host's pages; none where it keeps no models of its own."""
    if host.runtime != "ollama":
        return []
    found = (
        ("overview", gettext("Overview"), "web:host"),
        ("models", gettext("Models"), "web:host-models"),
    )
    return [
        {
            "label": label,
            "url": reverse(route, args=[host.name]),
            "current": key == current,
            "count": None,
        }
        for key, label, route in found
    ]


def index(request: HttpRequest, name: str) -> HttpResponse:
    """List what lies there; pull and push begin here."""
    return _page(request, _ollama(request, name))


@require_POST
def pull(request: HttpRequest, name: str) -> HttpResponse:
    """Begin to fetch a model."""
    host = _ollama(request, name)
    form = ModelNameForm(request.POST)
    if form.is_valid():
        try:
            begun = services.host_model_pull(
                actor_of(request), host, name=form.cleaned_data["name"]
            )
        except SlipwayError as error:
            show_refusal(form, error)
        else:
            return _begun(request, host, begun)
    return _page(request, host, pull_form=form)


@require_POST
def push(request: HttpRequest, name: str) -> HttpResponse:
    """Begin to send a file of the model store."""
    host, actor = _ollama(request, name), actor_of(request)
    form = PushForm(request.POST, artifacts=_files(request), prefix="push")
    if form.is_valid():
        try:
            begun = services.host_model_push(actor, host, **form.cleaned_data)
        except SlipwayError as error:
            show_refusal(form, error)
        else:
            return _begun(request, host, begun)
    return _page(request, host, push_form=form)


def detail(request: HttpRequest, name: str, ref: str) -> HttpResponse:
    """One model: what it is made of, what needs it, what can be done with it."""
    actor = actor_of(request)
    host = _ollama(request, name)
    row = host_model_get(actor, host, ref)
    return show(
        request,
        "hosts/model.html",
        host=host,
        row=row,
        users=services.host_model_users(row),
        variants=list(VARIANTS),
        shown=row.shown,
    )


@require_POST
def act(request: HttpRequest, name: str, ref: str, verb: str) -> HttpResponse:
    """Load, keep, unload, copy or delete one model."""
    actor = actor_of(request)
    host = _ollama(request, name)
    row = host_model_get(actor, host, ref)
    keep = {"load": MINUTES_S, "keep-hour": HOUR_S, "keep-always": ALWAYS_S}
    if verb in keep:
        begun = services.host_model_load(actor, row, keep_alive_s=keep[verb])
    elif verb == "unload":
        begun = services.host_model_unload(actor, row)
    elif verb == "copy":
        begun = services.host_model_copy(actor, row, name=request.POST.get("name", ""))
    elif verb == "delete":
        begun = services.host_model_delete(actor, row)
        return _begun(request, host, begun, moves=True)
    else:
        raise InvalidError("VALUE_INVALID", params={"field": "verb"})
    return _begun(request, host, begun)


def variant(request: HttpRequest, name: str) -> HttpResponse:
    """The editor of a variant: as fields or as text, each made from the other."""
    actor = actor_of(request)
    actor.require(Role.OPERATOR)
    host = _ollama(request, name)
    known: dict[str, Any] = {"bases": host_model_bases(actor, host), "adapters": _adapters(request)}
    as_text = request.POST.get("as", request.GET.get("as", "fields")) == "text"
    if request.method == "POST":
        form = ModelfileForm(request.POST) if as_text else VariantForm(request.POST, **known)
        if form.is_valid():
            try:
                return _made_or_shown(request, host, form, known)
            except SlipwayError as error:
                elsewhere = {"adapter": "modelfile"} if as_text else {"modelfile": "base"}
                show_refusal(form, error, elsewhere)
        return _editor(request, host, form, as_text=as_text)
    base = request.GET.get("from", next(iter(known["bases"]), ""))
    start, target = _start_of(base, request.GET.get("variant", ""))
    if as_text:
        text = {"name": target, "modelfile": render_modelfile(start)}
        return _editor(request, host, ModelfileForm(initial=text), as_text=True)
    fields = VariantForm(initial=initial_of(start, target), **known)
    return _editor(request, host, fields, as_text=False)


def _made_or_shown(
    request: HttpRequest, host: Host, form: ModelfileForm | VariantForm, known: dict[str, Any]
) -> HttpResponse:
    """Begin to make the variant; or show it the other way, when that was asked for."""
    modelfile = (
        form.modelfile()
        if isinstance(form, VariantForm)
        else parse_modelfile(form.cleaned_data["modelfile"], registries=services.registries())
    )
    name = form.cleaned_data["name"]
    if request.POST.get("show") == "text":
        other = ModelfileForm(initial={"name": name, "modelfile": render_modelfile(modelfile)})
        return _editor(request, host, other, as_text=True)
    if request.POST.get("show") == "fields":
        if not is_for_fields(modelfile, known["adapters"]):
            raise InvalidError("MODELFILE_NOT_FIELDS", fields={"modelfile": "MODELFILE_NOT_FIELDS"})
        fields = VariantForm(initial=initial_of(modelfile, name), **known)
        return _editor(request, host, fields, as_text=False)
    begun = services.host_model_create(actor_of(request), host, name=name, modelfile=modelfile)
    return _begun(request, host, begun, moves=True)


def _start_of(base: str, key: str) -> tuple[Modelfile, str]:
    """Return what the editor begins with, and a name for it."""
    shipped = VARIANTS.get(key)
    front = base.rpartition(":")[0] or base
    if shipped is None:
        return Modelfile(base=base), ""
    return shipped.of(base), f"{front}:{key}"


def _editor(request: HttpRequest, host: Host, form: Any, *, as_text: bool) -> HttpResponse:
    return show(
        request,
        "hosts/variant.html",
        status=form_status(form),
        host=host,
        form=form,
        as_text=as_text,
        variants=list(VARIANTS),
    )


def _page(
    request: HttpRequest,
    host: Host,
    pull_form: ModelNameForm | None = None,
    push_form: PushForm | None = None,
) -> HttpResponse:
    actor = actor_of(request)
    bound = pull_form or push_form
    return show(
        request,
        "hosts/models.html",
        status=form_status(bound) if bound else 200,
        **models_head(actor, host),
        **models_context(actor, host, request.GET),
        tabs=tabs_of(host, "models"),
        pull_form=pull_form or ModelNameForm(),
        push_form=push_form or PushForm(artifacts=_files(request), prefix="push"),
        variants=list(VARIANTS),
    )


def _files(request: HttpRequest) -> Any:
    return artifacts_visible(actor_of(request), state=ArtifactState.READY, format="gguf")


def _adapters(request: HttpRequest) -> list[Artifact]:
    ready = artifacts_visible(actor_of(request), state=ArtifactState.READY, format=ADAPTER_FORMAT)
    return list(ready)


def _ollama(request: HttpRequest, name: str) -> Host:
    host = host_get(actor_of(request), name)
    if host.runtime != "ollama":
        raise InvalidError("HOST_KEEPS_NO_MODELS", params={"name": host.name})
    return host


def _begun(
    request: HttpRequest, host: Host, operation: Operation, *, moves: bool = False
) -> HttpResponse:
    text = gettext("{title}: begun.").format(title=operation_title(operation))
    return acted(request, text, to=reverse("web:host-models", args=[host.name]), moves=moves)
