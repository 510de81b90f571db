"""Chats, answers of models, and whatever else there is."""

from django.utils.translation import gettext_lazy as _

from controlplane.wording.error_tables.remedies import RELOAD, RETRY_LATER, Table

ANSWERS: Table = {
    "CHATS_FULL": (
        _("You have kept {limit} chats, which is the most."),
        _("Delete those that you no longer need."),
    ),
    "CHAT_TOO_LARGE": (_("The chat is too long to be kept."), _("Keep a shorter part of it.")),
    # --- answers of models -------------------------------------------------------------------
    "NO_READY_REPLICA": (
        _("{name} has no replica that is ready."),
        _("Look at the deployment: it says what it waits for."),
    ),
    "ENGINE_UNREACHABLE": (_("The engine on {host} does not answer."), RETRY_LATER),
    "ENGINE_REFUSED": (
        _("The engine refused the request: {message}"),
        _("Change the request; the engine says what it does not take."),
    ),
    "ENGINE_BUSY": (_("The engine on {host} is busy."), RETRY_LATER),
    "ENGINE_MALFORMED": (
        _("The engine on {host} sent an answer that cannot be read."),
        _("Look at the logs of the replica {workload}."),
    ),
    "ENGINE_DIED": (
        _("The engine on {host} ended in the middle of the answer."),
        _("Send it again; the replica is restarted by itself."),
    ),
    "FIRST_TOKEN_TIMEOUT": (
        _("No answer began within {seconds}."),
        _("Try a shorter prompt, or more replicas."),
    ),
    "ANSWER_STALLED": (_("The answer stopped coming for {seconds}."), _("Send it again.")),
    "ROUTING_FAILED": (_("The request could not be handed to an engine."), RETRY_LATER),
    "NOT_FOUND": (
        _("Not found: {kind} “{ref}”."),
        _("It may have been deleted, or you may not see it. List what there is."),
    ),
    "ROUTE_UNKNOWN": (
        _("There is nothing at this address."),
        _("The interactive documentation at /api/v1/docs lists every address."),
    ),
    "METHOD_NOT_ALLOWED": (
        _("This address does not take the method {method}."),
        _("It takes: {allowed}."),
    ),
    "BAD_REQUEST": (_("The request cannot be understood."), _("Check its address and headers.")),
    "CONFLICT": (_("Its state does not allow that now."), RELOAD),
    "TOO_MANY": (_("Too many requests."), _("Wait {wait_s}, then go on more slowly.")),
    "UNAVAILABLE": (_("A part of Slipway that this needs is away."), RETRY_LATER),
    "INTERNAL": (
        _("Slipway failed here. The failure was recorded."),
        _("Try again; if it stays, report it with the request id."),
    ),
}
