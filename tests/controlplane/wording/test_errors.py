import string

import pytest

from controlplane.gateway.v1 import allowance
from controlplane.wording.error_tables import FIELDS, KINDS, SENTENCES
from controlplane.wording.errors import error_text, field_text
from models_app.domain import modelfile
from models_app.domain.errors import ConflictError, InvalidError
from models_app.services import passwords
from tests.raised_codes import Raised, raised

RAISED = raised()
# Codes that are chosen at run time from a table of their own.
FROM_TABLES = {
    "models_app/services/passwords.py": {*passwords.CODES.values(), "PASSWORD_WEAK"},
    "models_app/domain/modelfile.py": modelfile.CODES,
    "controlplane/gateway/v1/allowance.py": {code for code, _ in allowance.CODES.values()},
}


def placeholders(text: object) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(str(text)) if name}


def test_the_scan_sees_what_is_raised() -> None:
    codes = {r.code for r in RAISED}
    assert {"NAME_TAKEN", "STALE", "NOT_FOUND", "LAST_ADMIN", "NO_READY_REPLICA"} <= codes
    assert len(RAISED) > 60


@pytest.mark.parametrize("one", RAISED, ids=lambda r: f"{r.where} {r.code}")
def test_every_error_that_is_raised_has_a_sentence_that_its_parameters_fill(one: Raised) -> None:
    if one.code is None:
        assert one.where.split(":")[0] in FROM_TABLES, "write the code as a constant"
        return
    assert one.code in SENTENCES
    if one.params is not None:
        asked = set().union(*map(placeholders, SENTENCES[one.code]))
        assert asked <= one.params, "the sentence needs parameters that are not given"
    for code in one.fields:
        assert code in FIELDS or code in SENTENCES
        asked = placeholders(FIELDS.get(code) or SENTENCES[code][0])
        assert one.params is None or asked <= one.params


def test_codes_from_tables_have_sentences() -> None:
    for codes in FROM_TABLES.values():
        assert codes <= set(SENTENCES)


def test_every_sentence_says_what_to_do() -> None:
    for code, (sentence, remedy) in SENTENCES.items():
        assert str(sentence).endswith((".", "}")), code
        assert str(remedy).endswith((".", "}")), code


def test_every_kind_that_is_not_found_has_a_word() -> None:
    from models_app.selectors import lookup
    from tests.raised_codes import ROOT

    assert lookup.__doc__
    text = "".join(p.read_text() for p in (ROOT / "models_app/selectors").glob("*.py"))
    for kind in ("deployment", "host", "model", "artifact", "operation", "user", "token", "chat"):
        assert f'"{kind}"' in text
        assert kind in KINDS


def test_an_error_is_told_with_its_figures_and_fields() -> None:
    error = InvalidError(
        "BUDGET_TOO_SMALL",
        params={"floor_bytes": 64 << 20},
        fields={"memory_budget_bytes": "VALUE_OUT_OF_RANGE"},
    )
    text = error_text(error)
    assert text.sentence == "A memory budget under 64.0 MiB is too small for any model."
    assert text.fields == {"memory_budget_bytes": "This is out of its range."}


def test_what_people_wrote_is_never_a_template() -> None:
    error = ConflictError("NAME_TAKEN", params={"name": "{code.__class__} %(x)s \x1b[31m"})
    assert error_text(error).sentence == "The name “{code.__class__} %(x)s  [31m” is taken."


def test_an_unknown_code_still_reads() -> None:
    assert "BRAND_NEW" in error_text(ConflictError("BRAND_NEW")).sentence
    assert field_text("BRAND_NEW")
