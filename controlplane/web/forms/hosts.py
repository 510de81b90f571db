"""Forms of hosts."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from controlplane.web.forms.connections import ConnectionForm
from controlplane.web.forms.key_values import KeyValuesField
from models_app.domain.names import NAME_LENGTH
from models_app.models import Host
from models_app.services.hosts import RUNTIMES

GIB = 1 << 30
THIS_MACHINE = "process"
_RUNTIME_WORDS = {
    "process": _("This machine: engines run as processes"),
    "docker": _("Docker: engines run in containers"),
    "ollama": _("Ollama: the server runs the models itself"),
}


class HostEditForm(ConnectionForm):
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

    check = forms.UUIDField(required=False, widget=forms.HiddenInput)
    trusted = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)

    def __init__(self, *args: Any, runtime: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._runtime = runtime

    @property
    def runtime_key(self) -> str:
        """The host's own runtime; it never changes."""
        return self._runtime

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
        choices=[(key, _RUNTIME_WORDS.get(key, key)) for key in RUNTIMES],
        help_text=_("How Slipway drives it."),
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, has_this_machine: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["runtime"]
        if has_this_machine and isinstance(chosen, forms.ChoiceField):
            chosen.choices = [(key, _RUNTIME_WORDS[key]) for key in RUNTIMES if key != THIS_MACHINE]

    @property
    def runtime_key(self) -> str:
        """What was chosen."""
        return str(self.cleaned_data.get("runtime", ""))


def initial_of(host: Host) -> dict[str, Any]:
    """Return the form's values for an existing host."""
    budget = host.memory_budget_bytes
    return {
        **host.connection,
        "name": host.name,
        "labels": host.labels,
        "memory_budget": None if budget is None else round(budget / GIB, 2),
    }
