"""Form fields: label above, help below, the unit in the field, errors beside it in words."""

from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect

register = template.Library()


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, unit: str = "", shape: str = "") -> dict[str, Any]:
    """`{% field form.context unit=_("tokens") %}`: one field of a Django form.

    `shape` is found from the widget: check, choices or control.
    """
    widget = bound.field.widget
    if not shape:
        if isinstance(widget, RadioSelect | CheckboxSelectMultiple):
            shape = "choices"
        else:
            shape = "check" if isinstance(widget, CheckboxInput) else "control"
    return {"bound": bound, "unit": unit, "shape": shape}
