"""What a test of a connection has found: facts, warnings, who the host is, or what is wrong."""

from typing import Any

from controlplane.fragments.failures import failure_of_row
from controlplane.fragments.registry import Asked, fragment
from controlplane.wording.connecting import warning_text
from models_app.domain.actors import Actor
from models_app.domain.states import OperationState
from models_app.models import Operation
from models_app.selectors.operations import operation_get


@fragment("host.check", template="hosts/_check.html", of="operation", every_s=1)
def host_check(actor: Actor, asked: Asked) -> dict[str, Any]:
    """The state of one test."""
    return check_context(operation_get(actor, asked.id))


def check_context(check: Operation) -> dict[str, Any]:
    """Return what the form shows of a test."""
    state = OperationState(check.state)
    return {
        "check": check,
        "is_running": not state.finished,
        "is_good": state == OperationState.SUCCEEDED,
        "standing": failure_of_row(check),
        "facts": check.result.get("facts", {}),
        "usage": check.result.get("usage", {}),
        "fingerprint": check.result.get("fingerprint", ""),
        "is_ssh": "ssh_host_key" in check.result.get("identity", {}),
        "warnings": [warning_text(code) for code in check.result.get("warnings", ())],
    }
