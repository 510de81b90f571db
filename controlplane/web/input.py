"""What comes in with a POST, from its body or (for undo) its address."""

from django.forms import BaseForm
from django.http import HttpRequest

from models_app.domain.errors import InvalidError

_DIGITS = 9


def number_from(request: HttpRequest, field: str) -> int:
    """Return a whole number that was sent. Raises InvalidError VALUE_INVALID."""
    text = request.POST.get(field) or request.GET.get(field) or ""
    if not text.isascii() or not text.isdecimal() or len(text) > _DIGITS:
        raise InvalidError(
            "VALUE_INVALID", params={"field": field}, fields={field: "VALUE_INVALID"}
        )
    return int(text)


def version_from(request: HttpRequest) -> int | None:
    """Return the version of the row that the person saw, None when the button does not care."""
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None


def form_status(form: BaseForm) -> int:
    """Return the status of a page that shows this form: 422 when it comes back with mistakes."""
    return 422 if form.is_bound and form.errors else 200
