"""Puts what a service refused beside the field that it is about."""

from collections.abc import Mapping

from django.forms import BaseForm

from controlplane.wording.errors import error_text
from models_app.domain.errors import SlipwayError


def show_refusal(
    form: BaseForm, error: SlipwayError, fields: Mapping[str, str] | None = None
) -> None:
    """Add the refusal to the form; `fields` maps the service's names to the form's own.

    A field that the form does not have is told above the form, as is a refusal without fields.
    """
    placed = False
    names = fields or {}
    said = error_text(error)
    for name, text in said.fields.items():
        own = names.get(name, name)
        if own in form.fields:
            form.add_error(own, text)
            placed = True
    if not placed:
        form.add_error(None, f"{said.sentence} {said.remedy}".strip())
