"""The roles in people's words."""

from django.utils.translation import gettext_lazy as _

ROLES = {"viewer": _("Viewer"), "operator": _("Operator"), "admin": _("Admin")}


def role_word(role: str) -> str:
    """Return a role's word: Admin. Empty where there is none."""
    return str(ROLES.get(role, ""))
