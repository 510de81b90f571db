"""Forms of people: sign-in, first run, profile, users, tokens."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from models_app.domain.names import NAME_LENGTH
from models_app.domain.states import Role
from models_app.services.tokens import DEFAULT_DAYS, SCOPES

_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
ROLE_WORDS = {
    Role.VIEWER: _("Viewer: looks and chats"),
    Role.OPERATOR: _("Operator: deploys, stops, imports"),
    Role.ADMIN: _("Admin: also hosts, users and the audit log"),
}
SCOPE_WORDS = {
    "read": _("Read: look, chat"),
    "operate": _("Operate: deploy, stop, import"),
    "admin": _("Admin: hosts, users, audit"),
}
_SCOPE_ROLES = SCOPES


def name_field(**kwargs: Any) -> forms.CharField:
    """Return the field of a user's name."""
    return forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        help_text=_("To sign in with. Small letters, digits and dashes."),
        widget=forms.TextInput(attrs={**_PLAIN, **kwargs}),
    )


def new_password(label: Any, help_text: Any = "") -> forms.CharField:
    """Return the field of a password that is being chosen."""
    return forms.CharField(
        label=label,
        help_text=help_text,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class SignInForm(forms.Form):
    """Name and password."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={**_PLAIN, "autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class TwicePassword(forms.Form):
    """A password written twice."""

    password = new_password(_("Password"), _("At least 12 characters. Three random words do well."))
    again = new_password(_("Password again"))

    def clean(self) -> dict[str, Any]:
        """Hold the two against each other."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("password") and cleaned.get("password") != cleaned.get("again"):
            self.add_error("again", gettext("The two are not the same."))
        return cleaned


class FirstRunForm(TwicePassword):
    """What a person chooses who came in by a link."""

    name = name_field(autofocus=True)
    display_name = forms.CharField(label=_("Full name"), required=False, max_length=100)
    field_order = ("name", "display_name", "password", "again")


class PasswordForm(TwicePassword):
    """One's own password, changed."""

    current = forms.CharField(
        label=_("Password until now"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ("current", "password", "again")


class ProfileForm(forms.Form):
    """How the product looks to oneself."""

    display_name = forms.CharField(label=_("Full name"), required=False, max_length=100)
    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=[("", _("as the browser asks")), *settings.LANGUAGES],
    )
    theme = forms.ChoiceField(
        label=_("Theme"),
        required=False,
        choices=[("", _("as the system")), ("light", _("light")), ("dark", _("dark"))],
    )


def _role_field() -> forms.ChoiceField:
    return forms.ChoiceField(
        label=_("Role"),
        choices=[(str(role), word) for role, word in ROLE_WORDS.items()],
        widget=forms.RadioSelect,
        initial=str(Role.VIEWER),
    )


class UserAddForm(forms.Form):
    """A new user; the person chooses the password after coming in by a link."""

    name = name_field()
    display_name = forms.CharField(label=_("Full name"), required=False, max_length=100)
    role = _role_field()


class UserEditForm(forms.Form):
    """What an admin may change of a user."""

    display_name = forms.CharField(label=_("Full name"), required=False, max_length=100)
    role = _role_field()
    is_active = forms.BooleanField(label=_("May sign in"), required=False)


class TokenForm(forms.Form):
    """A new token of one's own."""

    name = forms.CharField(
        label=_("For what"),
        max_length=100,
        help_text=_("So that you know later what stops working when you revoke it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scope = forms.ChoiceField(label=_("It may"), widget=forms.RadioSelect, initial="read")

    def __init__(self, *args: Any, role: Role, longest_days: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["days"] = forms.IntegerField(
            label=_("Good for"),
            initial=min(DEFAULT_DAYS, longest_days),
            min_value=1,
            max_value=longest_days,
        )
        scope = self.fields["scope"]
        if isinstance(scope, forms.ChoiceField):
            scope.choices = [
                (key, word) for key, word in SCOPE_WORDS.items() if role.allows(_SCOPE_ROLES[key])
            ]

    def scopes(self) -> list[str]:
        """Return the chosen scope with those it includes."""
        order = list(_SCOPE_ROLES)
        return order[: order.index(self.cleaned_data["scope"]) + 1]
