"""Long work as a progress row: how far, how fast, how long still, and since when it stalls."""

from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from controlplane.wording.formats import number_text
from controlplane.wording.states import Shape, state_word
from models_app.domain.states import OperationState, PlacementState, ReplicaState
from models_app.models import Operation, Placement, Replica
from models_app.services.operations import may_retry

STALLED_AFTER = timedelta(seconds=30)
_KINDS = {
    "import": lambda: gettext("Import {title}"),
    "verify": lambda: gettext("Verify {title}"),
    "remove_artifact": lambda: gettext("Delete {title}"),
    "drain_host": lambda: gettext("Empty {title}"),
    "pull_model": lambda: gettext("Pull {title}"),
    "create_model": lambda: gettext("Create {title}"),
    "push_model": lambda: gettext("Push {title}"),
    "copy_model": lambda: gettext("Copy to {title}"),
    "delete_model": lambda: gettext("Delete {title}"),
    "load_model": lambda: gettext("Load {title}"),
    "unload_model": lambda: gettext("Unload {title}"),
    "check_connection": lambda: gettext("Test the connection to {title}"),
}


def operation_title(operation: Operation) -> str:
    """Return what an operation does, in words: Import SmolLM2."""
    pattern = _KINDS.get(operation.kind)
    return pattern().format(title=operation.title) if pattern else operation.title


def operation_progress(operation: Operation, *, may_operate: bool) -> dict[str, Any]:
    """Return the progress row of an operation; its buttons only for who may press them."""
    state = OperationState(operation.state)
    ref = [operation.public_id]
    can_cancel = may_operate and state in (OperationState.PENDING, OperationState.RUNNING)
    is_over = state in (OperationState.FAILED, OperationState.CANCELLED)
    can_retry = may_operate and is_over and may_retry(operation)
    return {
        "id": f"operation-{operation.public_id}",
        "what": operation_title(operation),
        "url": reverse("web:operation", args=ref),
        "state": operation.state,
        "cancel_url": reverse("web:operation-cancel", args=ref) if can_cancel else "",
        "retry_url": reverse("web:operation-retry", args=ref) if can_retry else "",
        "note": _note(operation),
        **_figures(operation, is_running=state == OperationState.RUNNING),
        **_counted(operation),
    }


def _note(operation: Operation) -> str:
    """Return why less lies there than before, when that is so; progress never just jumps back."""
    is_anew = operation.phase == "fetching_anew" and operation.state == OperationState.RUNNING
    return gettext("what had come was lost there: fetching it again") if is_anew else ""


def _counted(operation: Operation) -> dict[str, Any]:
    """Return the figures of work that is counted in things and not in bytes."""
    if operation.parameters.get("unit") != "replicas":
        return {}
    total = operation.total_bytes or 0
    text = ngettext("{done} of {n} replica moved", "{done} of {n} replicas moved", total)
    return {
        "count": text.format(done=number_text(operation.done_bytes), n=number_text(total)),
        "done_bytes": None,
        "rate": None,
        "left_s": None,
        "stalled_since": None,
        "shape": state_word(operation.state).shape,
    }


def placement_progress(placement: Placement) -> dict[str, Any]:
    """Return the progress row of an artifact on its way to a host."""
    return {
        "id": f"placement-{placement.public_id}",
        "what": placement.artifact.file_name,
        "state": placement.state,
        **_figures(placement, is_running=placement.state == PlacementState.PLACING),
    }


def image_progress(replica: Replica) -> dict[str, Any] | None:
    """Return the progress row of the image that a replica waits for, if it does."""
    pulling = replica.pulling
    if not pulling or replica.state != ReplicaState.PLACING:
        return None
    total, done, rate = pulling["total_bytes"], pulling["done_bytes"], pulling["bytes_per_s"]
    stalled = replica.progress_at and timezone.now() - replica.progress_at > STALLED_AFTER
    return {
        "id": f"image-{replica.public_id}",
        "what": pulling["image"],
        "percent": min(100.0, 100 * done / total) if total else None,
        "done_bytes": done,
        "total_bytes": total,
        "rate": rate,
        "left_s": (total - done) / rate if rate and total else None,
        "stalled_since": replica.progress_at if stalled else None,
        "shape": Shape.WARN if stalled else Shape.BUSY,
    }


def _figures(row: Operation | Placement, *, is_running: bool) -> dict[str, Any]:
    total, done, rate = row.total_bytes, row.done_bytes, row.bytes_per_s
    stalled = is_running and row.progress_at and timezone.now() - row.progress_at > STALLED_AFTER
    finished = row.state in (OperationState.SUCCEEDED, PlacementState.READY)
    percent = 100.0 if finished else (min(100.0, 100 * done / total) if total else None)
    return {
        "shape": Shape.WARN if stalled else state_word(row.state).shape,
        "percent": percent if is_running or done or finished else 0,
        "done_bytes": done if total or done else None,
        "total_bytes": total,
        "rate": rate if is_running else None,
        "left_s": (total - done) / rate if is_running and rate and total else None,
        "stalled_since": row.progress_at if stalled else None,
    }
