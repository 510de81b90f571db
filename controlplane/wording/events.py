"""Each event code's sentence. Its object is shown beside it, so a sentence does not repeat it."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from controlplane.wording.engines import engine_word
from controlplane.wording.filling import fill, has_all

_SENTENCES: dict[str, str | Promise] = {
    "deployment.created": _("Created by {by}: {model} on {engine}"),
    "deployment.revised": _("Revision {revision} wished for by {by}"),
    "deployment.rolled_back": _("Rolled back to revision {revision} by {by}"),
    "deployment.scaled": _("Scaled from {before} to {after} by {by}"),
    "deployment.stopped": _("Stopped by {by}"),
    "deployment.started": _("Started by {by}"),
    "deployment.retried": _("Another try asked for by {by}"),
    "deployment.capture_started": _("{by} has {percent} % of the prompts kept for {hours} h"),
    "deployment.capture_stopped": _("{by} has prompts kept no longer"),
    "deployment.deleted": _("Deletion asked for by {by}"),
    "deployment.became_ready": _("Ready: everything wished for is serving"),
    "deployment.became_degraded": _("Degraded: fewer replicas serve than wished for"),
    "deployment.became_failed": _("Failed: nothing serves"),
    "deployment.became_unknown": _("Unknown: its hosts do not answer"),
    "deployment.became_stopped": _("Stopped: nothing of it runs"),
    "deployment.rollout_halted": _("Rollout halted: revision {revision} does not become ready"),
    "replica.scheduled": _("Replica {replica} of revision {revision} goes to {host}"),
    "replica.placing": _("Replica {replica}: placing the model on {host}"),
    "replica.pulling": _("Replica {replica}: {host} fetches the image {image}"),
    "replica.starting": _("Replica {replica}: engine started on {host}"),
    "replica.ready": _("Replica {replica} ready on {host} in {seconds}"),
    "replica.unhealthy": _("Replica {replica} on {host} does not answer: {answer}"),
    "replica.stuck": _(
        "Replica {replica} on {host} stands still: no request gets on for {seconds}"
    ),
    "replica.recovered": _("Replica {replica} on {host} answers again"),
    "replica.unknown": _("Replica {replica}: {host} is silent, nothing is removed"),
    "replica.adopted": _("Replica {replica} found running on {host} and taken over"),
    "replica.drift_stays": _(
        "Replica {replica} on {host} was changed by hand ({drift}) and cannot be put right now"
    ),
    "replica.drift": _("Replica {replica} on {host} was changed by hand ({drift}) and put right"),
    "replica.backoff": _("Replica {replica} failed on {host}, next try in {retry_s}"),
    "replica.failed": _("Replica {replica} failed on {host}"),
    "replica.stopping": _("Replica {replica}: stopping on {host}"),
    "replica.retired": _("Replica {replica} has gone from {host}"),
    "artifact.unneeded": _("{file} is taken off {host}: nothing has needed it for a while"),
    "host.added": _("Added by {by}"),
    "host.ready": _("The host answers"),
    "host.unreachable": _("The host stopped answering; nothing is removed"),
    "host.failed": _("The host answers and refuses"),
    "host.identity_pinned": _("Trusted from now on by its identity {fingerprint}"),
    "host.identity_accepted": _("New identity {fingerprint} accepted by {by}"),
    "host.cordoned": _("Closed for new replicas by {by}"),
    "host.uncordoned": _("Opened for new replicas by {by}"),
    "host.draining": _("Draining asked for by {by}: what runs moves away"),
    "host.removed": _("Removal asked for by {by}"),
    "host.left_behind": _("{host} is forgotten; what may still lie on it: {left}"),
    "host.orphan_removed": _("{workload} ran without a wish and was stopped"),
    "artifact.placed": _("{file} placed on {host}: {size_bytes} at {bytes_per_s}"),
    "artifact.placing_failed": _("Placing the model failed, next try in {retry_s}"),
    "artifact.lost": _("{file} is no longer on {host}: it is sent there again"),
    "artifact.adopted": _("{model} was found on {host} and taken into the catalogue"),
    "artifact.corrupt": _("{file} in the model store is corrupt"),
    "operation.begun": _("Begun by {by}"),
    "operation.running": _("Running"),
    "operation.cancelling": _("Cancellation asked for by {by}"),
    "operation.retried": _("Another try asked for by {by}"),
    "operation.succeeded": _("Done"),
    "operation.failed": _("Failed"),
    "operation.cancelled": _("Cancelled"),
    "artifact.imported": _("Imported: {file}"),
    "artifact.missing": _("{file} is missing in the model store"),
    "artifact.ready": _("{file} is whole"),
}
_SHORTER: dict[str, str | Promise] = {
    "artifact.placed": _("{file} placed on {host}: {size_bytes}"),
    "artifact.placing_failed": _("Placing the model failed"),
}
"""What is said instead while not every figure is known."""


def event_text(code: str, params: Mapping[str, Any]) -> str:
    """Return the sentence of an event; a code without one is shown as it is."""
    pattern = _SENTENCES.get(code)
    if pattern is None:
        return code
    if code in _SHORTER and not has_all(pattern, params):
        pattern = _SHORTER[code]
    shown = (
        {**params, "engine": engine_word(str(params["engine"]))} if "engine" in params else params
    )
    return fill(pattern, shown)


def known_events() -> frozenset[str]:
    """Return the codes that have a sentence."""
    return frozenset(_SENTENCES)
