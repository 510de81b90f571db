"""Users, for admins: add, give a role, disable, a new link, remove."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from controlplane.fragments.listing import listing
from controlplane.sign_in_address import sign_in_address
from controlplane.web.forms.people import ROLE_WORDS, UserAddForm, UserEditForm
from controlplane.web.forms.refused import show_refusal
from controlplane.web.input import form_status, version_from
from controlplane.web.pages import acted, actor_of, show
from models_app.domain.errors import InvalidError, SlipwayError
from models_app.domain.states import Role
from models_app.models import User
from models_app.selectors.people import user_get, users_visible
from models_app.services import people as services
from models_app.services.sign_in import LINK_MINUTES, link_create

INVITATION_MINUTES = 24 * 60


def index(request: HttpRequest) -> HttpResponse:
    """List the users."""
    actor = actor_of(request)
    actor.require(Role.ADMIN)
    rows = users_visible(
        actor,
        role=request.GET.get("role") or None,
        search=request.GET.get("search") or None,
    )
    roles = [(str(role), str(word).split(":")[0]) for role, word in ROLE_WORDS.items()]
    page = listing(rows, request.GET)
    return show(request, "users/list.html", listing=page, filters=request.GET, roles=roles)


@never_cache
def add(request: HttpRequest) -> HttpResponse:
    """Add a user; the link with which the person comes in is shown this once."""
    actor = actor_of(request)
    actor.require(Role.ADMIN)
    form = UserAddForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = services.user_create(actor, **form.cleaned_data)
            secret = link_create(user, minutes=INVITATION_MINUTES, actor=actor)
        except SlipwayError as error:
            show_refusal(form, error)
        else:
            return _link_page(request, user, secret, INVITATION_MINUTES)
    return show(request, "users/form.html", status=form_status(form), form=form, person=None)


def edit(request: HttpRequest, name: str) -> HttpResponse:
    """Change role, name and whether the user may sign in."""
    actor = actor_of(request)
    actor.require(Role.ADMIN)
    person = user_get(actor, name)
    initial = {key: getattr(person, key) for key in ("display_name", "role", "is_active")}
    form = UserEditForm(request.POST or None, initial=initial)
    version = version_from(request)
    if request.method == "POST" and form.is_valid():
        try:
            services.user_edit(actor, person, version=version, **form.cleaned_data)
        except SlipwayError as error:
            show_refusal(form, error)
        else:
            text = gettext("{name} was saved.").format(name=person.name)
            return acted(request, text, to=reverse("web:users"), moves=True)
    return show(
        request,
        "users/form.html",
        status=form_status(form),
        form=form,
        person=person,
        version=version or person.version,
    )


@require_POST
@never_cache
def link(request: HttpRequest, name: str) -> HttpResponse:
    """Make a sign-in link for a user; earlier ones stop working."""
    actor = actor_of(request)
    person = user_get(actor, name)
    return _link_page(request, person, link_create(person, actor=actor), LINK_MINUTES)


@require_POST
def sign_out(request: HttpRequest, name: str) -> HttpResponse:
    """End every session of a user."""
    actor = actor_of(request)
    person = services.user_sign_out_everywhere(actor, user_get(actor, name))
    text = gettext("Every session of {name} was ended.").format(name=person.name)
    return acted(request, text, to=reverse("web:user", args=[person.name]), moves=True)


@require_POST
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """Remove a user; the name must be typed."""
    actor = actor_of(request)
    person = user_get(actor, name)
    if request.POST.get("confirm_name", "") != person.name:
        raise InvalidError("NAME_NOT_CONFIRMED", params={"name": person.name})
    services.user_delete(actor, person, version=None)
    text = gettext("{name} was removed.").format(name=name)
    return acted(request, text, to=reverse("web:users"), moves=True)


def _link_page(request: HttpRequest, person: User, secret: str, minutes: int) -> HttpResponse:
    address = request.build_absolute_uri(sign_in_address(secret))
    return show(request, "users/link.html", person=person, address=address, seconds=minutes * 60)
