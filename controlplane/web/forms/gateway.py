"""Forms of gateway keys and aliases."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from controlplane.web.forms.limits import LimitFieldsMixin
from controlplane.wording.gateway import ROUTE_WORDS
from models_app.domain.gateway import KEY_LIMITS, KeyRoute
from models_app.domain.names import NAME_LENGTH
from models_app.selectors.model_names import ModelNames
from models_app.services.aliases import LARGEST_WEIGHT, TARGETS_LIMIT, Share
from models_app.services.gateway_keys import DEFAULT_DAYS, LONGEST_DAYS, KeyScope
from models_app.services.gateway_keys import NAME_LENGTH as KEY_NAME

SPARE_ROWS = 4
ALIAS, DEPLOYMENT = "alias:", "deployment:"


class KeyEditForm(LimitFieldsMixin):
    """What may change of a key."""

    name = forms.CharField(
        label=_("For what"),
        max_length=KEY_NAME,
        help_text=_("So that you know later what stops working when you revoke it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    every_model = forms.BooleanField(
        label=_("Every model, also those that are deployed later"), required=False
    )
    models = forms.MultipleChoiceField(
        label=_("Models it opens"), required=False, widget=forms.CheckboxSelectMultiple
    )
    routes = forms.MultipleChoiceField(
        label=_("Kinds of requests"),
        choices=[(str(route), ROUTE_WORDS[route]) for route in KeyRoute],
        initial=[str(route) for route in KeyRoute],
        widget=forms.CheckboxSelectMultiple,
    )
    ollama_face = forms.BooleanField(
        label=_("Also for tools that speak Ollama's protocol"), required=False
    )

    def __init__(self, *args: Any, names: ModelNames, may_open_every: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        models = self.fields["models"]
        if isinstance(models, forms.MultipleChoiceField):
            models.choices = [
                *((f"{ALIAS}{name}", f"{name} · {gettext('alias')}") for name in names.aliases),
                *((f"{DEPLOYMENT}{name}", name) for name in names.deployments),
            ]
        if not may_open_every:
            del self.fields["every_model"]

    def scope(self) -> KeyScope:
        """Return what was chosen."""
        chosen: list[str] = self.cleaned_data["models"]
        return KeyScope(
            every_model=bool(self.cleaned_data.get("every_model")),
            deployments=_named(chosen, DEPLOYMENT),
            aliases=_named(chosen, ALIAS),
            routes=self.cleaned_data["routes"],
        )


class KeyForm(KeyEditForm):
    """What a new key needs."""

    days = forms.IntegerField(
        label=_("Good for"), initial=DEFAULT_DAYS, min_value=1, max_value=LONGEST_DAYS
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, value in asdict(KEY_LIMITS).items():
            self.fields[name].initial = value


KEY_FIELDS = {
    "deployments": "models",
    "aliases": "models",
    **{f"limits.{name}": name for name in asdict(KEY_LIMITS)},
}
"""The service's names of fields, and the form's own."""


class AliasForm(forms.Form):
    """Whom an alias asks. Rows that are left empty do not count."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        help_text=_("What programs send as their model. Small letters, digits and dashes."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    comment = forms.CharField(
        label=_("Why"), max_length=200, required=False, widget=forms.TextInput()
    )

    def __init__(
        self,
        *args: Any,
        deployments: Sequence[str],
        shares: Sequence[Share] = (),
        fallback: Sequence[str] = (),
        is_new: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if not is_new:
            del self.fields["name"]
        choices = [("", "—"), *((name, name) for name in deployments)]
        self._shares = min(TARGETS_LIMIT, len(shares) + SPARE_ROWS)
        self._fallback = min(TARGETS_LIMIT, len(fallback) + SPARE_ROWS)
        for number in range(self._shares):
            share = shares[number] if number < len(shares) else None
            self._add_share(number, choices, share)
        for number in range(self._fallback):
            self.fields[f"fallback-{number}"] = forms.ChoiceField(
                label=gettext("Fallback {number}").format(number=number + 1),
                choices=choices,
                required=False,
                initial=fallback[number] if number < len(fallback) else "",
            )

    def _add_share(self, number: int, choices: Sequence[Any], share: Share | None) -> None:
        self.fields[f"target-{number}"] = forms.ChoiceField(
            label=gettext("Deployment {number}").format(number=number + 1),
            choices=choices,
            required=False,
            initial=share.deployment if share else "",
        )
        self.fields[f"weight-{number}"] = forms.IntegerField(
            label=gettext("Weight {number}").format(number=number + 1),
            min_value=0,
            max_value=LARGEST_WEIGHT,
            required=False,
            initial=share.weight if share else 1,
        )

    def share_rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """Return deployment and weight of each row, for the template."""
        return [(self[f"target-{n}"], self[f"weight-{n}"]) for n in range(self._shares)]

    def fallback_rows(self) -> list[forms.BoundField]:
        """Return the fallback's fields in order, for the template."""
        return [self[f"fallback-{n}"] for n in range(self._fallback)]

    def chosen(self) -> Mapping[str, Any]:
        """Return targets, fallback and comment as the services take them."""
        said = self.cleaned_data
        targets = [
            Share(said[f"target-{n}"], 1 if said[f"weight-{n}"] is None else said[f"weight-{n}"])
            for n in range(self._shares)
            if said[f"target-{n}"]
        ]
        fallback = [said[f"fallback-{n}"] for n in range(self._fallback)]
        return {
            "targets": targets,
            "fallback": [name for name in fallback if name],
            "comment": said["comment"],
        }


ALIAS_FIELDS = {"targets": "target-0"}


def _named(chosen: Sequence[str], kind: str) -> list[str]:
    return [value.removeprefix(kind) for value in chosen if value.startswith(kind)]
