"""Many hosts from one list: shown first, with what is wrong in which row; then all or none."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import ngettext

from controlplane.web.forms.host_import import HostImportForm
from controlplane.web.input import form_status
from controlplane.web.pages import acted, actor_of, show
from controlplane.wording.errors import error_text
from controlplane.wording.formats import number_text
from models_app.domain.states import Role
from models_app.services.host_import import RowOutcome, hosts_import


def page(request: HttpRequest) -> HttpResponse:
    """Read a list and show it; with `add`, add what it holds."""
    actor = actor_of(request)
    actor.require(Role.ADMIN)
    form = HostImportForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid():
        return show(request, "hosts/import.html", status=form_status(form), form=form)
    rows = form.cleaned_data["rows"]
    outcomes = hosts_import(actor, rows, dry_run="add" not in request.POST)
    wrong = sum(outcome.error is not None for outcome in outcomes)
    if "add" in request.POST and not wrong:
        said = ngettext("{n} host was added.", "{n} hosts were added.", len(rows))
        text = said.format(n=number_text(len(rows)))
        return acted(request, text, to=reverse("web:hosts"), moves=True)
    # What came from a file is shown in the field, so that it can be mended and sent again.
    shown = HostImportForm(initial={"text": form.cleaned_data["text"]})
    return show(
        request,
        "hosts/import.html",
        status=422 if wrong else 200,
        form=shown,
        lines=[_line(outcome, row) for outcome, row in zip(outcomes, rows, strict=True)],
        wrong=wrong,
    )


def _line(outcome: RowOutcome, row: dict[str, Any]) -> dict[str, Any]:
    """Return one row of the preview."""
    mistakes: list[str] = []
    if outcome.error:
        said = error_text(outcome.error)
        mistakes = [f"{field}: {text}" for field, text in said.fields.items()] or [said.sentence]
    connection = row.get("connection") or {}
    return {
        "number": outcome.number,
        "name": outcome.name,
        "runtime": row.get("runtime", ""),
        "where": connection.get("address") or connection.get("url") or connection.get("path", ""),
        "mistakes": mistakes,
    }
