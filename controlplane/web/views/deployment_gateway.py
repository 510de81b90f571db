"""What the gateway allows one deployment: limits and timeouts. Nothing restarts for it."""

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext

from controlplane.web.forms.limits import REFUSED_LIMITS, GatewaySettingsForm
from controlplane.web.forms.refused import show_refusal
from controlplane.web.input import form_status, version_from
from controlplane.web.pages import acted, actor_of, show
from models_app.domain.errors import SlipwayError
from models_app.domain.gateway import Timeouts
from models_app.domain.states import Role
from models_app.selectors.deployments import deployment_get
from models_app.services.deployments import deployment_gateway


def edit(request: HttpRequest, name: str) -> HttpResponse:
    """Set limits and timeouts."""
    actor = actor_of(request)
    actor.require(Role.OPERATOR)
    deployment = deployment_get(actor, name)
    initial = {**deployment.limits, **asdict(Timeouts(**deployment.timeouts))}
    form = GatewaySettingsForm(request.POST or None, initial=initial)
    version = version_from(request)
    if request.method == "POST" and form.is_valid():
        try:
            deployment_gateway(
                actor,
                deployment,
                version=version,
                limits=form.limits(),
                timeouts=form.timeouts(),
            )
        except SlipwayError as error:
            show_refusal(form, error, REFUSED_LIMITS)
        else:
            text = gettext("{name}: limits and timeouts were saved.").format(name=deployment.name)
            to = reverse("web:deployment-settings", args=[deployment.name])
            return acted(request, text, to=to, moves=True)
    return show(
        request,
        "gateway/deployment.html",
        status=form_status(form),
        form=form,
        deployment=deployment,
        version=version or deployment.version,
    )
