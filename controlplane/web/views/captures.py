"""What is kept of a deployment's prompts: an admin turns it on and off, reads and deletes it."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from controlplane.fragments.listing import listing
from controlplane.web.forms.refused import show_refusal
from controlplane.web.input import form_status
from controlplane.web.pages import acted, actor_of, show
from models_app.domain.captures import RANGES
from models_app.domain.errors import InvalidError, SlipwayError
from models_app.domain.states import Role
from models_app.models import Deployment
from models_app.selectors.captures import captured_visible, running_on
from models_app.selectors.deployments import deployment_get
from models_app.services import captures as services


class CaptureForm(forms.Form):
    """How much, and for how long."""

    percent = forms.IntegerField(
        label=_("Share of requests"),
        initial=10,
        min_value=RANGES["percent"][0],
        max_value=RANGES["percent"][1],
    )
    hours = forms.IntegerField(
        label=_("Turns itself off after"),
        initial=1,
        min_value=RANGES["hours"][0],
        max_value=RANGES["hours"][1],
    )
    keep_days = forms.IntegerField(
        label=_("Deleted after (days)"),
        initial=7,
        min_value=RANGES["keep_days"][0],
        max_value=RANGES["keep_days"][1],
    )


def page(request: HttpRequest, name: str) -> HttpResponse:
    """Read what was kept; a POST turns it on. Reading leaves an audit row."""
    actor = actor_of(request)
    actor.require(Role.ADMIN)
    deployment = deployment_get(actor, name)
    form = CaptureForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.capture_start(actor, deployment, **form.cleaned_data)
        except SlipwayError as error:
            show_refusal(form, error)
        else:
            text = gettext("A sample of the prompts to {name} is kept from now on.")
            return acted(request, text.format(name=name), to=_page(deployment), moves=True)
    found = listing(captured_visible(actor, deployment), request.GET)
    if found.rows:
        services.captured_read(actor, deployment)
    return show(
        request,
        "deployments/capture.html",
        status=form_status(form),
        deployment=deployment,
        capture=running_on(deployment),
        form=form,
        listing=found,
    )


@require_POST
def stop(request: HttpRequest, name: str) -> HttpResponse:
    """Keep no more."""
    actor = actor_of(request)
    deployment = deployment_get(actor, name)
    services.capture_stop(actor, deployment)
    text = gettext("Prompts to {name} are kept no longer.").format(name=name)
    return acted(request, text, to=_page(deployment), moves=True)


@require_POST
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """Delete what was kept; the name must be typed."""
    actor = actor_of(request)
    deployment = deployment_get(actor, name)
    actor.require(Role.ADMIN)
    if request.POST.get("confirm_name", "") != deployment.name:
        raise InvalidError("NAME_NOT_CONFIRMED", params={"name": deployment.name})
    services.captured_delete(actor, deployment)
    text = gettext("What was kept of {name} was deleted.").format(name=name)
    return acted(request, text, to=_page(deployment), moves=True)


def _page(deployment: Deployment) -> str:
    return reverse("web:deployment-capture", args=[deployment.name])
