"""What is one's own: name, language, theme, password, tokens."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from controlplane.sessions import session_begin
from controlplane.web.context import THEME_COOKIE
from controlplane.web.forms.people import PasswordForm, ProfileForm, TokenForm
from controlplane.web.forms.refused import show_refusal
from controlplane.web.input import form_status
from controlplane.web.pages import acted, actor_of, show, signed_in
from controlplane.web.views.preferences import remember_language
from models_app.domain.errors import SlipwayError
from models_app.domain.states import Role
from models_app.selectors.instance import instance_settings
from models_app.selectors.people import token_get, tokens_visible, user_of
from models_app.services.passwords import password_change
from models_app.services.people import profile_edit, user_sign_out_everywhere
from models_app.services.tokens import token_create, token_revoke

YEAR_S = 365 * 24 * 3600


def page(request: HttpRequest) -> HttpResponse:
    """One's own name, language and theme."""
    actor, user = actor_of(request), signed_in(request)
    initial = {key: getattr(user, key) for key in ("display_name", "language", "theme")}
    form = ProfileForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            profile_edit(actor, **form.cleaned_data)
        except SlipwayError as error:
            show_refusal(form, error)
        else:
            response = acted(
                request, gettext("Your profile was saved."), to=reverse("web:profile"), moves=True
            )
            theme = form.cleaned_data["theme"] or "system"
            response.set_cookie(THEME_COOKIE, theme, max_age=YEAR_S, samesite="Lax")
            remember_language(request, response, form.cleaned_data["language"])
            return response
    context = {"form": form, "password_form": PasswordForm(), "person": user}
    return show(request, "people/profile.html", status=form_status(form), **context)


@require_POST
@sensitive_post_parameters("current", "password", "again")
def password(request: HttpRequest) -> HttpResponse:
    """Change one's own password; other sessions end."""
    actor, user = actor_of(request), signed_in(request)
    form = PasswordForm(request.POST)
    if form.is_valid():
        try:
            user = password_change(
                actor, current=form.cleaned_data["current"], new=form.cleaned_data["password"]
            )
        except SlipwayError as error:
            show_refusal(form, error)
        else:
            session_begin(request, user)
            text = gettext("Your password was changed. Other sessions were ended.")
            return acted(request, text, to=reverse("web:profile"), moves=True)
    initial = {key: getattr(user, key) for key in ("display_name", "language", "theme")}
    context = {"form": ProfileForm(initial=initial), "password_form": form, "person": user}
    return show(request, "people/profile.html", status=422, **context)


@require_POST
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """End every other session of one's own."""
    actor = actor_of(request)
    user = user_sign_out_everywhere(actor, user_of(actor))
    session_begin(request, user)
    text = gettext("Every other session was ended.")
    return acted(request, text, to=reverse("web:profile"), moves=True)


@never_cache
def tokens(request: HttpRequest) -> HttpResponse:
    """One's own tokens; a new one is shown this once."""
    actor = actor_of(request)
    longest = instance_settings().token_days
    form = TokenForm(request.POST or None, role=actor.role, longest_days=longest)
    made = secret = None
    if request.method == "POST" and form.is_valid():
        try:
            made, secret = token_create(
                actor,
                name=form.cleaned_data["name"],
                scopes=form.scopes(),
                days=form.cleaned_data["days"],
            )
        except SlipwayError as error:
            show_refusal(form, error, {"scopes": "scope"})
        else:
            form = TokenForm(role=actor.role, longest_days=longest)
    everybodys = actor.role.allows(Role.ADMIN) and request.GET.get("of") == "everybody"
    return show(
        request,
        "people/tokens.html",
        status=form_status(form),
        form=form,
        made=made,
        secret=secret,
        tokens=list(tokens_visible(actor, everybodys=everybodys)[:200]),
        everybodys=everybodys,
    )


@require_POST
def token_end(request: HttpRequest, ref: str) -> HttpResponse:
    """Make a token useless at once."""
    actor = actor_of(request)
    token = token_revoke(actor, token_get(actor, ref))
    text = gettext("The token {name} was revoked.").format(name=token.name)
    return acted(request, text, to=reverse("web:tokens"), moves=True)
