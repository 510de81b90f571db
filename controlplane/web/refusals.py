"""What was refused, told where the person is: a toast, a message, or an error page."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from controlplane.logs import request_id
from controlplane.web.pages import is_htmx, told
from controlplane.wording.errors import error_text
from models_app.domain.errors import SlipwayError

_PAGES = {403: "errors/403.html", 404: "errors/404.html"}


class RefusalMiddleware:
    """Turns the SlipwayErrors of views into answers for people. The API has its own way."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer a SlipwayError; everything else is a fault of ours and stays one."""
        if not isinstance(error, SlipwayError) or request.path.startswith(("/api/", "/v1/")):
            return None
        return refused(request, error)


def refused(request: HttpRequest, error: SlipwayError) -> HttpResponse:
    """Return the answer that tells a person what was refused and why."""
    said = error_text(error)
    text = f"{said.sentence} {said.remedy}".strip()
    if is_htmx(request):
        return told(HttpResponse(status=error.status), text, level="error")
    if request.method == "POST" and error.status not in _PAGES:
        messages.error(request, text)
        return HttpResponseRedirect(_where_from(request))
    template = _PAGES.get(error.status, "errors/400.html")
    context = {"request_id": request_id.get(), "text": text}
    return render(request, template, context, status=error.status)


def _where_from(request: HttpRequest) -> str:
    referer = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(
        referer, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return referer if is_ours else "/"
