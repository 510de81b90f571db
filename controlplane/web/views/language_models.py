"""Models: the list, one, what people say of it, and what is done with its artifacts."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from controlplane.fragments import language_models as parts
from controlplane.fragments.progress import operation_title
from controlplane.web.forms.language_models import ModelEditForm, ModelImportForm
from controlplane.web.forms.refused import show_refusal
from controlplane.web.input import form_status, version_from
from controlplane.web.pages import acted, actor_of, counts_of, show
from models_app.domain.errors import InvalidError, SlipwayError
from models_app.domain.states import Role
from models_app.models import LanguageModel
from models_app.selectors.deployments import deployments_visible, for_lists
from models_app.selectors.language_models import artifact_get, model_get, placement_get
from models_app.services import language_models as services
from models_app.services.placements import placement_pin, placement_remove

USERS_SHOWN = 50
REFERENCE_FIELDS = {f"reference.{key}": key for key in ("url", "path", "sha256")}


def index(request: HttpRequest) -> HttpResponse:
    """List the models."""
    actor = actor_of(request)
    return show(
        request,
        "models/list.html",
        **parts.table_context(actor, request.GET),
        **parts.imports_context(actor),
        total=counts_of(request).total("model"),
    )


def detail(request: HttpRequest, name: str) -> HttpResponse:
    """One model: facts, licence, artifacts, where they lie."""
    actor = actor_of(request)
    model = model_get(actor, name)
    users = for_lists(deployments_visible(actor)).filter(revision__artifact__model=model)
    return show(
        request,
        "models/detail.html",
        **parts.artifacts_context(actor, model),
        users=list(users[:USERS_SHOWN]),
    )


def _page(model: LanguageModel) -> str:
    return reverse("web:model", args=[model.name])


def edit(request: HttpRequest, name: str) -> HttpResponse:
    """Change title, licence and description."""
    actor = actor_of(request)
    actor.require(Role.OPERATOR)
    model = model_get(actor, name)
    initial = {key: getattr(model, key) for key in ("title", "licence", "description")}
    form = ModelEditForm(request.POST or None, initial=initial)
    version = version_from(request)
    if request.method == "POST" and form.is_valid():
        try:
            services.model_edit(actor, model, version=version, **form.cleaned_data)
        except SlipwayError as error:
            show_refusal(form, error)
        else:
            text = gettext("{name} was saved.").format(name=model.title)
            return acted(request, text, to=_page(model), moves=True)
    return show(
        request,
        "models/edit.html",
        status=form_status(form),
        form=form,
        model=model,
        version=version or model.version,
    )


def bring(request: HttpRequest) -> HttpResponse:
    """Import a model file by upload, address or path."""
    actor = actor_of(request)
    actor.require(Role.OPERATOR)
    may_read_paths = actor.role.allows(Role.ADMIN)
    form = ModelImportForm(request.POST or None, may_read_paths=may_read_paths)
    if request.method == "POST" and form.is_valid():
        said = {key: form.cleaned_data[key] for key in ("name", "title", "licence", "description")}
        try:
            operation = services.model_import(
                actor, source=form.cleaned_data["source"], reference=form.reference(), **said
            )
        except SlipwayError as error:
            show_refusal(form, error, REFERENCE_FIELDS)
        else:
            text = gettext("{title} is being imported.").format(title=operation.title)
            to = reverse("web:operation", args=[operation.public_id])
            return acted(request, text, to=to, moves=True)
    return show(request, "models/import.html", status=form_status(form), form=form)


@require_POST
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """Delete a model with its artifacts; the name must be typed."""
    actor = actor_of(request)
    model = model_get(actor, name)
    if request.POST.get("confirm_name", "") != model.name:
        raise InvalidError("NAME_NOT_CONFIRMED", params={"name": model.name})
    services.model_delete(actor, model, version=None)
    text = gettext("{name} is being deleted.").format(name=model.title)
    return acted(request, text, to=reverse("web:models"), moves=True)


@require_POST
def artifact_delete(request: HttpRequest, ref: str) -> HttpResponse:
    """Delete one artifact from the store and every host."""
    actor = actor_of(request)
    artifact = artifact_get(actor, ref)
    services.artifact_delete(actor, artifact, version=None)
    text = gettext("{file} is being deleted.").format(file=artifact.file_name)
    return acted(request, text, to=_page(artifact.model))


@require_POST
def artifact_verify(request: HttpRequest, ref: str) -> HttpResponse:
    """Read the whole file again and compare its sha256."""
    actor = actor_of(request)
    artifact = artifact_get(actor, ref)
    operation = services.artifact_verify(actor, artifact)
    text = gettext("{title}: begun.").format(title=operation_title(operation))
    return acted(request, text, to=_page(artifact.model))


@require_POST
def placement_take_off(request: HttpRequest, ref: str) -> HttpResponse:
    """Take an artifact off a host."""
    actor = actor_of(request)
    placement = placement_get(actor, ref)
    placement_remove(actor, placement, version=None)
    text = gettext("{file} is being taken off {host}.").format(
        file=placement.artifact.file_name, host=placement.host.name
    )
    return acted(request, text, to=reverse("web:host", args=[placement.host.name]))


@require_POST
def placement_keep(request: HttpRequest, ref: str, *, pinned: bool) -> HttpResponse:
    """Keep an artifact on a host when nothing needs it any more, or no longer."""
    actor = actor_of(request)
    placement = placement_get(actor, ref)
    placement_pin(actor, placement, pinned=pinned)
    text = gettext("{file} is kept on {host}.") if pinned else gettext("{file} may leave {host}.")
    said = text.format(file=placement.artifact.file_name, host=placement.host.name)
    return acted(request, said, to=reverse("web:host", args=[placement.host.name]))
