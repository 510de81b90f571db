"""The form of a deployment: new or edited, with the verdict and the changes beside it."""

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext

from controlplane.fragments.fits import Wish, fit_context
from controlplane.fragments.revisions import changes_between, parameter_titles
from controlplane.web.forms.deployments import ON_HOSTS, DeploymentForm, initial_of
from controlplane.web.forms.refused import show_refusal
from controlplane.web.input import form_status, version_from
from controlplane.web.pages import acted, actor_of, show
from models_app.domain.actors import Actor
from models_app.domain.errors import SlipwayError
from models_app.domain.gguf import ADAPTER_FORMAT
from models_app.domain.states import ArtifactState, Role
from models_app.models import Deployment, Revision
from models_app.selectors.deployments import deployment_get, engines_visible, free_name
from models_app.selectors.hosts import host_names
from models_app.selectors.instance import shows_test_engines
from models_app.selectors.language_models import artifacts_visible
from models_app.services import deployments as services

_FIELDS = {"placement.hosts": "hosts", "placement": "where"}


def create(request: HttpRequest) -> HttpResponse:
    """Wish for a new deployment."""
    actor = actor_of(request)
    actor.require(Role.OPERATOR)
    form = _form(actor, _asked(request), initial=_first_choice(request), suggests=True)
    if form.chosen_artifact and not form.is_bound:
        form.initial.setdefault("name", free_name(actor, form.chosen_artifact.model.name))
    if request.method == "POST" and form.is_valid():
        try:
            row = services.deployment_create(
                actor,
                name=form.cleaned_data["name"],
                replicas=form.cleaned_data["replicas"],
                **form.wish(),
            )
        except SlipwayError as error:
            _show(form, error)
        else:
            text = gettext("{name} is being deployed.").format(name=row.name)
            return acted(request, text, to=_page(row), moves=True)
    return _page_of(request, form)


def edit(request: HttpRequest, name: str) -> HttpResponse:
    """Wish for a new revision of a deployment."""
    actor = actor_of(request)
    actor.require(Role.OPERATOR)
    row = deployment_get(actor, name)
    before = services.wished_revision(row)
    form = _form(
        actor,
        _asked(request),
        initial=initial_of(row.name, row.replicas_wished, before),
        keep=before,
    )
    form.fields["name"].disabled = True
    form.fields["replicas"].disabled = True
    version = version_from(request)
    if request.method == "POST" and form.is_valid():
        try:
            revision = services.deployment_revise(actor, row, version=version, **form.wish())
        except SlipwayError as error:
            _show(form, error)
        else:
            text = gettext("Revision {number} rolls out, replica by replica.").format(
                number=revision.number
            )
            undo = reverse("web:deployment-roll-back", args=[row.name])
            undo += f"?number={before.number}"  # after a roll back that is not the one before
            return acted(request, text, to=_page(row), undo=undo, moves=True)
    return _page_of(request, form, deployment=row, version=version or row.version)


def how(request: HttpRequest) -> HttpResponse:
    """The engine's parameters again, after another artifact or engine was chosen."""
    actor = actor_of(request)
    actor.require(Role.OPERATOR)
    form = _form(actor, request.GET, keep=_kept(actor, request))
    form.propose()
    return show(request, "deployments/_how.html", form=form)


def fit(request: HttpRequest) -> HttpResponse:
    """Each host's verdict on what the form asks for now, and what an edit would change."""
    actor = actor_of(request)
    row = _edited(actor, request)
    kept = row.revision if row else None
    form = _form(actor, request.GET, keep=kept)
    if row:
        form.fields["name"].required = False
    form.full_clean()
    artifact, engine = form.chosen_artifact, form.chosen_engine
    if artifact is None or engine is None:
        return show(request, "deployments/_fit.html", nothing=True)
    replicas = row.replicas_wished if row else form.cleaned_data.get("replicas")
    wish = Wish(
        artifact=artifact,
        engine=engine,
        parameters=form.wished_parameters(),
        placement=form.placement(),
        replicas=1 if replicas is None else replicas,
        deployment=row,
    )
    context = fit_context(actor, wish)
    if kept:
        context["changes"] = _changes(actor, kept, wish)
        context["is_edit"] = True
    return show(request, "deployments/_fit.html", wish=wish, **context)


def _changes(actor: Actor, kept: Revision, wish: Wish) -> list[Any]:
    after = Revision(
        engine=wish.engine.key,
        artifact=wish.artifact,
        parameters=dict(wish.parameters),
        placement=dict(wish.placement),
    )
    titles = parameter_titles(engines_visible(actor, for_tests=True))
    return changes_between(kept, after, titles)


def _asked(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _form(
    actor: Actor,
    data: QueryDict | None,
    *,
    initial: dict[str, Any] | None = None,
    keep: Revision | None = None,
    suggests: bool = False,
) -> DeploymentForm:
    """Return the form with every choice there is; what a revision uses stays a choice."""
    ready = artifacts_visible(actor, state=ArtifactState.READY)
    artifacts = list(ready.exclude(format=ADAPTER_FORMAT))  # none of them is a model by itself
    engines = engines_visible(actor, for_tests=shows_test_engines())
    if keep:
        if all(row.pk != keep.artifact_id for row in artifacts):
            artifacts.append(keep.artifact)
        if all(row.key != keep.engine for row in engines):
            engines += [
                row for row in engines_visible(actor, for_tests=True) if row.key == keep.engine
            ]
    return DeploymentForm(
        data,
        artifacts=artifacts,
        engines=engines,
        host_names=host_names(actor),
        initial=initial,
        suggests=suggests,
    )


def _first_choice(request: HttpRequest) -> dict[str, Any]:
    """Return what the address asks to be chosen at first: an artifact, a model's first, a host."""
    asked = request.GET
    first: dict[str, Any] = {k: asked[k] for k in ("artifact", "engine", "model") if k in asked}
    if "host" in asked:
        first |= {"where": ON_HOSTS, "hosts": [asked["host"]]}
    return first


def _edited(actor: Actor, request: HttpRequest) -> Deployment | None:
    name = request.GET.get("deployment", "")
    return deployment_get(actor, name) if name else None


def _kept(actor: Actor, request: HttpRequest) -> Revision | None:
    row = _edited(actor, request)
    return row.revision if row else None


def _show(form: DeploymentForm, error: SlipwayError) -> None:
    names = {
        field: f"p-{field.removeprefix('parameters.')}"
        for field in error.fields
        if field.startswith("parameters.")
    }
    show_refusal(form, error, _FIELDS | names)


def _page_of(request: HttpRequest, form: DeploymentForm, **more: Any) -> HttpResponse:
    return show(request, "deployments/form.html", status=form_status(form), form=form, **more)


def _page(row: Deployment) -> str:
    return reverse("web:deployment", args=[row.name])
