"""Language and theme: kept in a cookie for anyone, and in the profile of who is signed in."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from controlplane.actors import actor_of_request
from models_app.models import User
from models_app.services.people import profile_edit

_YEAR_S = 365 * 24 * 3600


def _back(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else "/"


@login_not_required
@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Show the pages in the chosen language from now on."""
    response = HttpResponseRedirect(_back(request))
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES):
        if isinstance(request.user, User):
            profile_edit(actor_of_request(request), language=language)
        remember_language(request, response, language)
    return response


def remember_language(request: HttpRequest, response: HttpResponse, language: str) -> None:
    """Keep the language in a cookie, for pages before the sign-in; empty forgets it."""
    if not language:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME)
    else:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=_YEAR_S,
            samesite="Lax",
            secure=request.is_secure(),
        )
