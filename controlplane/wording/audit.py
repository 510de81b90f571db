"""The audit log in words: what was done, from where, and which field became what.

Rows hold codes, so that scripts and filters keep their meaning; people read these words instead. A
test finds every action that our source writes and asserts that it has them.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from controlplane.wording.audit_fields import FIELDS, values_of
from controlplane.wording.filling import LONGEST
from controlplane.wording.formats import UNKNOWN, number_text

Text = str | Promise

KINDS: dict[str, Text] = {
    "deployment.": _("Deployments"),
    "host.": _("Hosts"),
    "model.": _("Models"),
    "placement.": _("Placements"),
    "operation.": _("Operations"),
    "gateway_key.": _("Gateway keys"),
    "alias.": _("Aliases"),
    "capture.": _("Captures"),
    "user.": _("Users"),
    "profile.": _("Profiles"),
    "token.": _("API tokens"),
    "sign_in": _("Sign-ins"),
    "settings.": _("Settings"),
}
"""What the page can be narrowed to: the beginning of an action, and its words."""

ACTIONS: dict[str, Text] = {
    "alias.create": _("Alias made"),
    "alias.delete": _("Alias deleted"),
    "alias.edit": _("Alias led elsewhere"),
    "alias.roll_back": _("Alias rolled back"),
    "capture.delete": _("Captured requests deleted"),
    "capture.read": _("Captured requests read"),
    "capture.start": _("Capture of requests begun"),
    "capture.stop": _("Capture of requests stopped"),
    "demo.clear": _("Demonstration taken away"),
    "demo.seed": _("Demonstration put in"),
    "deployment.create": _("Deployed"),
    "deployment.delete": _("Deployment deleted"),
    "deployment.gateway": _("Limits of a deployment changed"),
    "deployment.retry": _("Another try of a deployment"),
    "deployment.revise": _("Deployment edited"),
    "deployment.roll_back": _("Deployment rolled back"),
    "deployment.scale": _("Deployment scaled"),
    "deployment.start": _("Deployment started"),
    "deployment.stop": _("Deployment stopped"),
    "gateway_key.create": _("Gateway key made"),
    "gateway_key.edit": _("Gateway key edited"),
    "gateway_key.revoke": _("Gateway key revoked"),
    "host.add": _("Host added"),
    "host.cordoned": _("Host closed for new replicas"),
    "host.draining": _("Host emptied"),
    "host.edit": _("Host edited"),
    "host.identity_accept": _("New identity of a host accepted"),
    "host.reconnect": _("Connection of a host changed"),
    "host.remove": _("Host removed"),
    "host.uncordoned": _("Host opened for new replicas"),
    "model.add": _("Model added"),
    "model.delete": _("Model deleted"),
    "model.edit": _("Model edited"),
    "operation.cancel": _("Operation cancelled"),
    "operation.check_connection": _("Connection tested"),
    "operation.copy_model": _("Model of a host copied"),
    "operation.create_model": _("Variant made on a host"),
    "operation.delete_model": _("Model of a host deleted"),
    "operation.drain_host": _("Emptying of a host begun"),
    "operation.import": _("Import begun"),
    "operation.load_model": _("Model of a host loaded"),
    "operation.pull_model": _("Model pulled to a host"),
    "operation.push_model": _("Model pushed to a host"),
    "operation.remove_artifact": _("Removal of an artifact begun"),
    "operation.retry": _("Another try of an operation"),
    "operation.unload_model": _("Model of a host unloaded"),
    "operation.verify": _("Check of an artifact begun"),
    "placement.pin": _("Placement kept or let go"),
    "placement.remove": _("Artifact taken off a host"),
    "placement.request": _("Artifact sent to a host"),
    "profile.edit": _("Profile edited"),
    "settings.edit": _("Settings changed"),
    "sign_in": _("Signed in"),
    "sign_in.failed": _("Sign-in failed"),
    "sign_in.link": _("Signed in by a link"),
    "slipway.first_start": _("First start"),
    "token.create": _("API token made"),
    "token.revoke": _("API token revoked"),
    "user.change_password": _("Password changed"),
    "user.create": _("User added"),
    "user.delete": _("User deleted"),
    "user.edit": _("User edited"),
    "user.link_create": _("Sign-in link made"),
    "user.set_up": _("Name and password chosen"),
    "user.sign_out_everywhere": _("Signed out everywhere"),
}

VIAS: dict[str, Text] = {
    "page": pgettext_lazy("done in", "on a page"),
    "live": pgettext_lazy("done in", "on a page"),
    "api": pgettext_lazy("done in", "by the API"),
    "command": pgettext_lazy("done in", "by a command"),
    "system": pgettext_lazy("done in", "by itself"),
}


def action_text(action: str) -> str:
    """Return what was done; an action of tomorrow is shown as it is."""
    return str(ACTIONS.get(action, action))


def via_text(via: str) -> str:
    """Return by which door somebody came."""
    return str(VIAS.get(via, via))


def field_word(field: str) -> str:
    """Return what a field is called; one that is not known by its own name, as words."""
    return str(FIELDS[field]) if field in FIELDS else field.replace("_", " ")


def change_text(field: str, value: Any) -> str:
    """Return one side of a change as people read it."""
    if value is None or value in ("", [], {}):
        return UNKNOWN
    special = values_of(field)
    return (special(value) if special else _plain(value))[:LONGEST]


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, Mapping):
        told = ((key, change_text(str(key), one)) for key, one in value.items())
        return ", ".join(f"{field_word(str(key))}: {text}" for key, text in told if text != UNKNOWN)
    return "".join(c if c.isprintable() else " " for c in str(value))
