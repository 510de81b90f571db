"""How a routed request failed, in a sentence, and what to do now.

A deployment without a ready replica is explained by its state, and by its failure if it has one.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from controlplane.wording.errors import ErrorText, error_text
from controlplane.wording.failures import failure_text
from models_app.domain.errors import SlipwayError
from models_app.domain.states import DeploymentState

Text = str | Promise
_S = DeploymentState
_STARTING: tuple[Text, Text] = (
    _("{name} is being started; no replica is ready yet."),
    _("Wait until it is ready, then try again."),
)
_BY_STATE: dict[str, tuple[Text, Text]] = {
    _S.PENDING: _STARTING,
    _S.DEPLOYING: _STARTING,
    _S.STOPPING: (_("{name} is being stopped."), _("Start the deployment, then try again.")),
    _S.STOPPED: (_("{name} is stopped."), _("Start the deployment, then try again.")),
    _S.DELETING: (_("{name} is being deleted."), _("Choose another deployment.")),
    _S.UNKNOWN: (
        _("The host of {name} is silent, so nothing can be asked of it."),
        _("Check the host's power and network; Slipway tries again by itself."),
    ),
}


def routing_error_text(error: SlipwayError) -> ErrorText:
    """Return the wording of an error of the routing core."""
    said = error_text(error)
    if error.code != "NO_READY_REPLICA":
        return said
    failure = str(error.params.get("failure_code") or "")
    if failure:
        why = failure_text(failure, error.params.get("failure_params"))
        remedy = why.remedies[0] if why.remedies else said.remedy
        return ErrorText(error.code, f"{said.sentence} {why.sentence}", remedy, {})
    sentence, remedy_text = _BY_STATE.get(str(error.params.get("state")), ("", ""))
    if not sentence:
        return said
    name = str(error.params.get("name"))
    return ErrorText(error.code, str(sentence).format(name=name), str(remedy_text), {})
