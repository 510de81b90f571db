"""Forms of hosts."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from controlplane.web.forms.key_values import KeyValuesField
from models_app.domain.names import NAME_LENGTH
from models_app.models import Host
from models_app.services.hosts import RUNTIMES

GIB = 1 << 30
_RUNTIME_WORDS = {"process": _("This machine: engines run as processes")}


class HostEditForm(forms.Form):
    """What may change of a host."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        help_text=_("Small letters, digits and dashes."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    memory_budget = forms.DecimalField(
        label=_("Memory budget"),
        required=False,
        min_value=0,
        decimal_places=2,
        help_text=_("What Slipway may take of this machine. Empty: all that is free."),
    )
    labels = KeyValuesField(
        label=_("Labels"),
        required=False,
        help_text=_("One a line: site=rome. Deployments can ask for them."),
    )

    def changes(self) -> dict[str, Any]:
        """Return what `host_add` and `host_edit` take in common."""
        budget = self.cleaned_data["memory_budget"]
        return {
            "name": self.cleaned_data["name"],
            "labels": self.cleaned_data["labels"],
            "memory_budget_bytes": None if budget is None else int(budget * GIB),
        }


class HostAddForm(HostEditForm):
    """What a new host needs."""

    runtime = forms.ChoiceField(
        label=_("Runtime"),
        choices=lambda: [(key, _RUNTIME_WORDS.get(key, key)) for key in sorted(RUNTIMES)],
        help_text=_("How Slipway drives it."),
    )
    field_order = ("name", "runtime", "memory_budget", "labels")


def initial_of(host: Host) -> dict[str, Any]:
    """Return the form's values for an existing host."""
    budget = host.memory_budget_bytes
    return {
        "name": host.name,
        "labels": host.labels,
        "memory_budget": None if budget is None else round(budget / GIB, 2),
    }
