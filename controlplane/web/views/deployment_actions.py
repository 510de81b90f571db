"""What people do to a deployment: each is a POST, tells what happened and offers to undo it."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST

from controlplane.web.input import number_from, version_from
from controlplane.web.pages import acted, actor_of
from controlplane.wording.formats import number_text
from models_app.domain.errors import InvalidError
from models_app.models import Deployment
from models_app.selectors.deployments import deployment_get
from models_app.services import deployments as services


def _page(deployment: Deployment) -> str:
    return reverse("web:deployment", args=[deployment.name])


@require_POST
def stop(request: HttpRequest, name: str) -> HttpResponse:
    """Stop it; its wish, history and files stay."""
    actor = actor_of(request)
    row = deployment_get(actor, name)
    services.deployment_stop(actor, row, version=version_from(request))
    return acted(
        request,
        gettext("{name} stops.").format(name=row.name),
        to=_page(row),
        undo=reverse("web:deployment-start", args=[row.name]),
    )


@require_POST
def start(request: HttpRequest, name: str) -> HttpResponse:
    """Start it again."""
    actor = actor_of(request)
    row = deployment_get(actor, name)
    services.deployment_start(actor, row, version=version_from(request))
    return acted(
        request,
        gettext("{name} starts.").format(name=row.name),
        to=_page(row),
        undo=reverse("web:deployment-stop", args=[row.name]),
    )


@require_POST
def scale(request: HttpRequest, name: str) -> HttpResponse:
    """Wish for another number of replicas."""
    actor = actor_of(request)
    row = deployment_get(actor, name)
    before = row.replicas_wished
    wanted = number_from(request, "replicas")
    if wanted == before:
        return acted(request, _same_number(row), to=_page(row))
    services.deployment_scale(actor, row, version=version_from(request), replicas=wanted)
    return acted(
        request,
        gettext("{name}: {before} → {after} replicas.").format(
            name=row.name, before=before, after=wanted
        ),
        to=_page(row),
        undo=reverse("web:deployment-scale", args=[row.name]) + f"?replicas={before}",
    )


def _same_number(row: Deployment) -> str:
    text = ngettext(
        "{name} is wished with {n} replica already: nothing changes.",
        "{name} is wished with {n} replicas already: nothing changes.",
        row.replicas_wished,
    )
    return text.format(name=row.name, n=number_text(row.replicas_wished))


@require_POST
def retry(request: HttpRequest, name: str) -> HttpResponse:
    """Try what failed again now."""
    actor = actor_of(request)
    row = deployment_get(actor, name)
    services.deployment_retry(actor, row, version=None)
    text = gettext("{name}: trying again now.").format(name=row.name)
    return acted(request, text, to=_page(row))


@require_POST
def roll_back(request: HttpRequest, name: str) -> HttpResponse:
    """Wish for an older revision again."""
    actor = actor_of(request)
    row = deployment_get(actor, name)
    before = row.revision.number if row.revision else 1
    number = number_from(request, "number")
    services.deployment_roll_back(actor, row, version=version_from(request), number=number)
    return acted(
        request,
        gettext("{name} goes to revision {number}.").format(name=row.name, number=number),
        to=_page(row),
        undo=reverse("web:deployment-roll-back", args=[row.name]) + f"?number={before}",
    )


@require_POST
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """Delete it with its history; the name must be typed."""
    actor = actor_of(request)
    row = deployment_get(actor, name)
    if request.POST.get("confirm_name", "") != row.name:
        raise InvalidError("NAME_NOT_CONFIRMED", params={"name": row.name})
    services.deployment_delete(actor, row, version=None)
    text = gettext("{name} is being deleted.").format(name=row.name)
    return acted(request, text, to=reverse("web:deployments"), moves=True)
