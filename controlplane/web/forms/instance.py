"""The rules of an installation that an admin may change on its settings page."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from models_app.models import InstanceSettings
from models_app.services.instance import RANGES


class LinesField(forms.CharField):
    """Texts, one a line."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"})

    def to_python(self, value: Any) -> Any:
        """Return the lines that hold something."""
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        """Show a list as lines; what was typed as it was typed."""
        is_list = isinstance(value, Sequence) and not isinstance(value, str)
        return "\n".join(value) if is_list else value

    def validate(self, value: Any) -> None:
        """The service says which lines are none."""

    def run_validators(self, value: Any) -> None:
        """No validator of one text fits many."""


def _days(field: str, label: Any, help_text: Any) -> forms.IntegerField:
    low, high = RANGES[field]
    return forms.IntegerField(label=label, help_text=help_text, min_value=low, max_value=high)


class InstanceForm(forms.Form):
    """What may be changed while Slipway runs."""

    metrics_days = _days(
        "metrics_days",
        _("Keep measurements"),
        _("One point a minute for each host and replica; the last hour is kept in full."),
    )
    events_days = _days(
        "events_days",
        _("Keep histories"),
        _("What happened to deployments, hosts and operations. The audit log is kept for ever."),
    )
    token_days = _days(
        "token_days",
        _("API tokens live at most"),
        _("For tokens made from now on. Those that exist keep their own end."),
    )
    fetch_networks = LinesField(
        label=_("Local networks that models may be fetched from"),
        required=False,
        help_text=_(
            "Private networks, one a line: 192.168.10.0/24. Anybody who may import a model can then"
            " make Slipway ask addresses there. Empty: only public addresses."
        ),
    )
    shows_test_engines = forms.BooleanField(
        label=_("Offer engines that only pretend"),
        required=False,
        help_text=_("They answer with made-up text: for trying things out without a model."),
    )


def initial_of(row: InstanceSettings) -> dict[str, Any]:
    """Return the form's values as the rules stand."""
    return {name: getattr(row, name) for name in InstanceForm.base_fields}
