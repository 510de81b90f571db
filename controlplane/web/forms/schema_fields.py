"""Form fields of an engine's parameters, from the JSON schema that the engine published."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

PREFIX = "p-"
BASIC = ("context_length", "context", "parallel", "parallel_sequences", "slots")
"""Parameters that matter to everyone; the rest is behind "advanced"."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an engine as a form field."""

    key: str
    field: forms.Field
    default: Any
    is_basic: bool

    @property
    def name(self) -> str:
        """The field's name in the form."""
        return f"{PREFIX}{self.key}"


def parameters_of(manifest: Mapping[str, Any]) -> list[Parameter]:
    """Return the engine's parameters in the order of its schema."""
    schema = manifest.get("parameters_schema", {})
    found = []
    for key, own in schema.get("properties", {}).items():
        flat = _flat(own, schema.get("$defs", {}))
        basic = key in BASIC if "x-basic" not in flat else bool(flat["x-basic"])
        found.append(Parameter(key, _field(key, flat), flat.get("default"), basic))
    return found


def _flat(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with its references put in, and an optional value's as the value's own.

    A value that may be null (anyOf with null) is marked `nullable`.
    """
    own = {key: value for key, value in schema.items() if key not in ("anyOf", "allOf", "$ref")}
    branches = [*schema.get("anyOf", ()), *schema.get("allOf", ())]
    if "$ref" in schema:
        branches.append({"$ref": schema["$ref"]})
    found: dict[str, Any] = {}
    for branch in branches:
        if branch.get("type") == "null":
            found["nullable"] = True
        else:
            name = str(branch.get("$ref", "")).rpartition("/")[2]
            found |= {**definitions.get(name, {}), **branch}
    return {**found, **own}


def _field(key: str, schema: Mapping[str, Any]) -> forms.Field:
    default = schema.get("default")
    common: dict[str, Any] = {
        "label": in_their_words(schema.get("title") or key),
        "help_text": in_their_words(schema.get("description") or ""),
        "required": False,
        "initial": default,
    }
    if schema.get("enum"):
        return _choice(schema, common)
    kind = schema.get("type")
    common["required"] = kind in ("integer", "number") and default is not None
    if kind == "boolean":
        if schema.get("nullable"):
            return forms.TypedChoiceField(
                choices=[("", _("automatic")), ("true", _("on")), ("false", _("off"))],
                coerce=lambda text: text == "true",
                empty_value=None,
                **common,
            )
        return forms.BooleanField(**common)
    if kind in ("integer", "number"):
        number = forms.IntegerField if kind == "integer" else forms.FloatField
        low, high = schema.get("minimum"), schema.get("maximum")
        field = number(min_value=low, max_value=high, **common)
        if schema.get("nullable"):
            field.widget.attrs["placeholder"] = _("automatic")
        if kind == "number":
            field.widget.attrs["step"] = "any"
        return field
    return forms.CharField(max_length=schema.get("maxLength", 500), **common)


def in_their_words(text: str) -> str | Promise:
    """Return an engine's own words in the language of the request; see wording/parameters.py."""
    return _(text) if text else ""


def _choice(schema: Mapping[str, Any], common: Mapping[str, Any]) -> forms.Field:
    choices: list[tuple[str, Any]] = [
        (str(value), str(value)) for value in schema["enum"] if value is not None
    ]
    if schema.get("nullable"):
        choices.insert(0, ("", _("automatic")))
    return forms.TypedChoiceField(choices=choices, empty_value=None, **common)


def values_of(parameters: list[Parameter], cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to save: only what differs from the engine's default, so that it may change."""
    values = {}
    for parameter in parameters:
        value = cleaned.get(parameter.name)
        if value is None or value in ("", parameter.default):
            continue
        values[parameter.key] = value
    return values
