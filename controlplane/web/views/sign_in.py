"""Coming in: by name and password, by a link that works once; first run; going out."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from controlplane.actors import address_of
from controlplane.sessions import session_begin, session_end
from controlplane.web.forms.people import FirstRunForm, SignInForm
from controlplane.web.forms.refused import show_refusal
from controlplane.web.input import form_status
from controlplane.web.pages import actor_of, counts_of, show, signed_in
from controlplane.wording.errors import error_text
from models_app.domain.errors import NotSignedInError, SlipwayError
from models_app.models import User
from models_app.selectors.deployments import deployments_visible
from models_app.selectors.hosts import hosts_visible
from models_app.selectors.language_models import models_visible
from models_app.services.people import set_up
from models_app.services.sign_in import link_use, sign_in_by_password


@login_not_required
@never_cache
@sensitive_post_parameters("password")
def page(request: HttpRequest) -> HttpResponse:
    """Sign in by name and password."""
    if request.user.is_authenticated and request.method != "POST":
        return HttpResponseRedirect(_next(request))
    form = SignInForm(request.POST or None)
    status = form_status(form)
    if request.method == "POST" and form.is_valid():
        try:
            user = sign_in_by_password(**form.cleaned_data, address=address_of(request.META))
        except SlipwayError as error:
            show_refusal(form, error)
            status = error.status
        else:
            session_begin(request, user)
            return HttpResponseRedirect(_next(request))
    context = {"form": form, "next": request.GET.get("next", "")}
    return render(request, "people/sign_in.html", context, status=status)


@login_not_required
@never_cache
def link(request: HttpRequest, secret: str) -> HttpResponse:
    """Come in by a link: the page asks for a click, so that a preview does not use it up."""
    refusal = ""
    if request.method == "POST":
        try:
            user = link_use(secret, address=address_of(request.META))
        except NotSignedInError as error:
            refusal = error_text(error).sentence
        else:
            session_begin(request, user)
            return HttpResponseRedirect(reverse(_first_page(user)))
    context = {"refusal": refusal}
    return render(request, "people/link.html", context, status=401 if refusal else 200)


@never_cache
@sensitive_post_parameters("password", "again")
def first_run(request: HttpRequest) -> HttpResponse:
    """Choose name and password, and see what is here already."""
    user = signed_in(request)
    if user.is_set_up:
        return HttpResponseRedirect(reverse("web:overview"))
    actor = actor_of(request)
    form = FirstRunForm(request.POST or None, initial={"name": user.name})
    if request.method == "POST" and form.is_valid():
        chosen = {key: form.cleaned_data[key] for key in ("name", "password", "display_name")}
        try:
            user = set_up(actor, **chosen)
        except SlipwayError as error:
            show_refusal(form, error)
        else:
            session_begin(request, user)
            return HttpResponseRedirect(reverse("web:overview"))
    counts = counts_of(request)
    return show(
        request,
        "people/first_run.html",
        status=form_status(form),
        form=form,
        counts=counts,
        hosts=list(hosts_visible(actor)[:3]),
        models=list(models_visible(actor)[:3]),
        deployments=list(deployments_visible(actor)[:3]),
    )


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out."""
    session_end(request)
    return HttpResponseRedirect(reverse("web:sign-in"))


def _first_page(user: User) -> str:
    return "web:overview" if user.is_set_up else "web:first-run"


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else reverse("web:overview")
