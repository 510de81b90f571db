"""Who came in by a link chooses name and password before anything else."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from models_app.models import User

_OPEN = ("web:first-run", "web:sign-out", "web:language")


class SetUpMiddleware:
    """Leads to the first-run page until the person is set up. Scripts are not led anywhere."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer pages with the way to the first-run page."""
        user = request.user
        if isinstance(user, User) and not user.is_set_up and _is_page(request):
            return HttpResponseRedirect(reverse("web:first-run"))
        return self.get_response(request)


def _is_page(request: HttpRequest) -> bool:
    if request.path.startswith(("/api/", "/v1/", "/static/")):
        return False
    return request.path not in {reverse(route) for route in _OPEN}
