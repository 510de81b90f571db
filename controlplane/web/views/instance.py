"""The settings page: what this installation is, and the rules that an admin may change."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext

from controlplane.web import instance_facts
from controlplane.web.forms.instance import InstanceForm, initial_of
from controlplane.web.forms.refused import show_refusal
from controlplane.web.input import form_status, version_from
from controlplane.web.pages import acted, actor_of, show
from models_app.domain.errors import SlipwayError
from models_app.domain.states import Role
from models_app.selectors.instance import instance_settings
from models_app.selectors.language_models import store_bytes
from models_app.services.instance import instance_settings_edit


def page(request: HttpRequest) -> HttpResponse:
    """Show facts and rules; change the rules."""
    actor = actor_of(request)
    actor.require(Role.ADMIN)
    row = instance_settings()
    form = InstanceForm(request.POST or None, initial=initial_of(row))
    version = version_from(request)
    if request.method == "POST" and form.is_valid():
        try:
            instance_settings_edit(actor, version=version, **form.cleaned_data)
        except SlipwayError as error:
            show_refusal(form, error)
        else:
            text = gettext("The settings were saved.")
            return acted(request, text, to=reverse("web:settings"), moves=True)
    return show(
        request,
        "settings/page.html",
        status=form_status(form),
        form=form,
        version=version or row.version,
        changed_at=row.updated_at,
        installation=instance_facts.installation(),
        since=instance_facts.running_since(),
        sign_in_rules=instance_facts.sign_in_rules(),
        space=instance_facts.space(store_bytes(actor)),
        environment=instance_facts.environment(),
    )
