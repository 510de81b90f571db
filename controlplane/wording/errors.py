"""Each error code's sentence, what to do now, and the words for a field that is wrong.

Pages put them beside the field or at the top of the form; the API sends them as `detail` and
`remedy`. A test finds every code that our source can raise and asserts that it is here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from controlplane.wording.error_tables import FIELDS, KINDS, SENTENCES
from controlplane.wording.filling import fill, has_all
from controlplane.wording.gguf_faults import FAULTS
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
    params = _named(error.code, error.params)
    _sentence, remedy = _words_of(error.code, params)
    return ErrorText(
        code=error.code,
        sentence=error_sentence(error.code, error.params),
        remedy=fill(remedy, params),
        fields={name: field_text(code, params) for name, code in error.fields.items()},
    )


def error_sentence(code: str, params: Mapping[str, object]) -> str:
    """Return the sentence of an error code, also of one that was stored earlier."""
    sentence, _remedy = _words_of(code, params)
    return fill(sentence, _named(code, params))


def _named(code: str, params: Mapping[str, object]) -> dict[str, object]:
    named = {"code": code, **params}
    if "kind" in named:
        named["kind"] = str(KINDS.get(str(named["kind"]), named["kind"]))
    return named


def _words_of(code: str, params: Mapping[str, object]) -> tuple[Text, Text]:
    """Return the words of a code; of a file that is no model, those of what is wrong with it."""
    fault = FAULTS.get(str(params.get("fault", "")))
    if fault is None:
        return SENTENCES.get(code, _UNWORDED)
    sentences, remedies = fault
    told = next((one for one in sentences if has_all(one, params)), sentences[-1])
    return told, remedies[0]


def field_text(code: str, params: dict[str, object] | None = None) -> str:
    """Return what to say beside a field."""
    if code in FIELDS:
        return fill(FIELDS[code], params or {})
    sentence, _remedy = _words_of(code, params or {})
    return fill(sentence, {"code": code, **(params or {})})
