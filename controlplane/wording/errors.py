"""Each error code's sentence, what to do now, and the words for a field that is wrong.

Pages put them beside the field or at the top of the form; the API sends them as `detail` and
`remedy`. A test finds every code that our source can raise and asserts that it is here.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from controlplane.wording.error_table import FIELDS, KINDS, SENTENCES
from controlplane.wording.filling import fill
from models_app.domain.errors import SlipwayError

Text = str | Promise
_UNWORDED: tuple[Text, Text] = (_("It was refused with code {code}."), "")


@dataclass(frozen=True, slots=True)
class ErrorText:
    """What is shown of an error, in the language of the request."""

    code: str
    sentence: str
    remedy: str
    fields: dict[str, str]  # field name -> sentence


def error_text(error: SlipwayError) -> ErrorText:
    """Return the wording of an error."""
    params = {"code": error.code, **error.params}
    if "kind" in params:
        params["kind"] = str(KINDS.get(str(params["kind"]), params["kind"]))
    sentence, remedy = SENTENCES.get(error.code, _UNWORDED)
    return ErrorText(
        code=error.code,
        sentence=fill(sentence, params),
        remedy=fill(remedy, params),
        fields={name: field_text(code, params) for name, code in error.fields.items()},
    )


def field_text(code: str, params: dict[str, object] | None = None) -> str:
    """Return what to say beside a field."""
    if code in FIELDS:
        return fill(FIELDS[code], params or {})
    sentence, _remedy = SENTENCES.get(code, _UNWORDED)
    return fill(sentence, {"code": code, **(params or {})})
