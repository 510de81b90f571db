"""Who asks: sign-in, tokens, users and roles."""

from django.utils.translation import gettext_lazy as _

from controlplane.wording.error_tables.remedies import CHOOSE_KNOWN, SIGN_IN, Table

PEOPLE: Table = {
    "NOT_SIGNED_IN": (_("You are not signed in."), SIGN_IN),
    "SIGN_IN_FAILED": (_("Name or password is wrong."), _("Check both and try again.")),
    "SIGN_IN_THROTTLED": (
        _("Too many failed attempts. The next one is possible in {wait_s}."),
        _("Wait, or ask an admin for a one-time sign-in link."),
    ),
    "LINK_USED_UP": (
        _("This link has been used, or its time is over."),
        _("Ask for a new link, or make one with `manage.py sign_in_link`."),
    ),
    "TOKEN_INVALID": (
        _("The API token is unknown, expired or revoked."),
        _("Create a new token in your profile."),
    ),
    "NOT_ALLOWED": (
        _("This needs the role {needed}; yours is {role}."),
        _("Ask an admin for the role, or use a token with a wider scope."),
    ),
    "SCOPE_TOO_WIDE": (
        _("A token cannot allow more than you may do: {needed} is more than {role}."),
        _("Choose a narrower scope."),
    ),
    "SCOPE_UNKNOWN": (
        _("A token needs one or more of the scopes read, operate and admin."),
        CHOOSE_KNOWN,
    ),
    "KEY_SCOPE_TOO_WIDE": (
        _("Only an {needed} may have a key for every model; you are {role}."),
        _("Name the deployments and aliases that the key is for."),
    ),
    "KEY_SCOPE_EMPTY": (
        _("A key needs something that it opens."),
        _("Name a deployment or an alias."),
    ),
    "KEY_ROUTE_UNKNOWN": (
        _("A key needs one or more kinds of requests."),
        CHOOSE_KNOWN,
    ),
    "MODEL_NAME_UNKNOWN": (
        _("There is no deployment or alias named {names}."),
        CHOOSE_KNOWN,
    ),
    "ALIAS_EMPTY": (
        _("Nobody would answer for this alias."),
        _("Name at least one deployment that exists, with a weight above zero."),
    ),
    "ALIAS_TWICE": (
        _("A deployment is named twice."),
        _("Name each deployment once, with a weight or as a fallback."),
    ),
    "CSRF_FAILED": (
        _("This request did not come from a page of this Slipway."),
        _("Reload the page and try again; scripts use a bearer token instead of cookies."),
    ),
    "NOT_SET_UP": (
        _("Your account is not set up yet."),
        _("Open Slipway in the browser and choose your name and password first."),
    ),
    "ALREADY_SET_UP": (_("This account is set up already."), _("Change it in your profile.")),
    "LAST_ADMIN": (
        _("{name} is the last admin; without one nobody could manage Slipway."),
        _("Make somebody else an admin first."),
    ),
    "ROLE_UNKNOWN": (_("There is no such role."), _("Use viewer, operator or admin.")),
    "PASSWORD_WRONG": (_("The current password is wrong."), _("Type it again.")),
    "PASSWORD_TOO_SHORT": (
        _("The password is too short: it needs 12 characters at least."),
        _("Use a few words in a row."),
    ),
    "PASSWORD_TOO_LONG": (
        _("The password is longer than 1,024 characters."),
        _("Use a shorter one."),
    ),
    "PASSWORD_TOO_COMMON": (
        _("This password is on every attacker's list."),
        _("Use a few words in a row."),
    ),
    "PASSWORD_TOO_SIMILAR": (
        _("The password is too much like the name."),
        _("Use words that have nothing to do with you."),
    ),
    "PASSWORD_WEAK": (_("The password is too weak."), _("Use a few words in a row.")),
}
