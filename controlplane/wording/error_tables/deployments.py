"""Wishes for deployments that cannot be granted."""

from django.utils.translation import gettext_lazy as _

from controlplane.wording.error_tables.remedies import CHECK_FIELDS, CHOOSE_KNOWN, RELOAD, Table

DEPLOYMENTS: Table = {
    "ENGINE_UNKNOWN": (_("There is no engine “{engine}”."), CHOOSE_KNOWN),
    "PARAMETERS_INVALID": (_("The engine does not take these parameters."), CHECK_FIELDS),
    "UNSUPPORTED_FORMAT": (
        _("The engine {engine} cannot serve files of format {format}."),
        _("Choose another engine, or another artifact."),
    ),
    "CONTEXT_TOO_LARGE": (
        _("A context of {asked} tokens was asked for; the model takes {limit} at most."),
        _("Lower the context length."),
    ),
    "PARAMETERS_NOT_THERE": (
        _("On a shared server its owner sets {parameters}; the hosts named are such servers."),
        _("Leave them at their defaults, or choose a host with containers."),
    ),
    "REPLICAS_OUT_OF_RANGE": (
        _("The number of replicas must be between 0 and {limit}."),
        _("Choose a number in that range."),
    ),
    "PLACEMENT_INVALID": (
        _("The placement cannot be understood."),
        _(
            "Give `hosts` (a list of names) or `selector` (for each label a text, or one of `in`, "
            "`not_in` and `exists`), and `policy` spread or pack."
        ),
    ),
    "HOST_UNKNOWN": (_("There is no host {names}."), CHOOSE_KNOWN),
    "REVISION_UNKNOWN": (_("There is no revision {number}."), CHOOSE_KNOWN),
    "BEING_DELETED": (
        _("{name} is being deleted."),
        _("Wait until it is gone, then create it anew."),
    ),
    "STATE_FORBIDS": (
        _("That cannot be done while it is {state}."),
        _("Wait until its state has changed."),
    ),
    "STALE": (_("{name} was changed by somebody else meanwhile."), RELOAD),
}
