"""Long work: the list, one, cancel and retry."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from controlplane.fragments import operations as parts
from controlplane.fragments.progress import operation_title
from controlplane.web.pages import acted, actor_of, counts_of, show
from models_app.selectors.operations import UNFINISHED, operation_get
from models_app.services.operations import operation_cancel, operation_retry


def index(request: HttpRequest) -> HttpResponse:
    """List the operations."""
    counts = counts_of(request)
    return show(
        request,
        "operations/list.html",
        **parts.table_context(actor_of(request), request.GET),
        unfinished=counts.of("operation", *UNFINISHED),
    )


def detail(request: HttpRequest, ref: str) -> HttpResponse:
    """One operation: how far, how long still, what came of it."""
    actor = actor_of(request)
    return show(
        request, "operations/detail.html", **parts.body_context(actor, operation_get(actor, ref))
    )


@require_POST
def cancel(request: HttpRequest, ref: str) -> HttpResponse:
    """Stop it; what it had made half is taken away."""
    actor = actor_of(request)
    row = operation_cancel(actor, operation_get(actor, ref))
    text = gettext("{title}: cancelling.").format(title=operation_title(row))
    return acted(request, text, to=reverse("web:operation", args=[row.public_id]))


@require_POST
def retry(request: HttpRequest, ref: str) -> HttpResponse:
    """Begin it again."""
    actor = actor_of(request)
    row = operation_retry(actor, operation_get(actor, ref))
    text = gettext("{title}: begun again.").format(title=operation_title(row))
    return acted(request, text, to=reverse("web:operation", args=[row.public_id]))
