"""Fields for how much may be asked: the same for a key and for a deployment."""

from collections.abc import Mapping
from typing import Any

from django import forms

from controlplane.wording.gateway import LIMIT_WORDS, TIMEOUT_WORDS
from models_app.domain.gateway import LARGEST, TIMEOUT_RANGES, Timeouts


class LimitFieldsMixin(forms.Form):
    """Adds a field for each limit. Empty is no limit."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, word in LIMIT_WORDS.items():
            self.fields[name] = forms.IntegerField(
                label=str(word), required=False, min_value=1, max_value=LARGEST[name]
            )

    def limits(self) -> dict[str, int | None]:
        """Return every limit, those that are none as None."""
        return {name: self.cleaned_data[name] for name in LIMIT_WORDS}

    def limit_fields(self) -> list[forms.BoundField]:
        """Return the fields in order, for the template."""
        return [self[name] for name in LIMIT_WORDS]


class GatewaySettingsForm(LimitFieldsMixin):
    """What the gateway allows a deployment: limits and timeouts."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, word in TIMEOUT_WORDS.items():
            least, most = TIMEOUT_RANGES[name]
            self.fields[name] = forms.FloatField(label=str(word), min_value=least, max_value=most)

    def timeouts(self) -> dict[str, float]:
        """Return every timeout that is not the default."""
        usual = Timeouts()
        return {
            name: self.cleaned_data[name]
            for name in TIMEOUT_WORDS
            if self.cleaned_data[name] != getattr(usual, name)
        }

    def timeout_fields(self) -> list[forms.BoundField]:
        """Return the fields in order, for the template."""
        return [self[name] for name in TIMEOUT_WORDS]


REFUSED_LIMITS: Mapping[str, str] = {
    **{f"limits.{name}": name for name in LIMIT_WORDS},
    **{f"timeouts.{name}": name for name in TIMEOUT_WORDS},
}
"""The service's names of fields, and the forms' own."""
