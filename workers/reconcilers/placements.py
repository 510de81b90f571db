"""Brings artifacts to hosts and takes them off, a few seconds of copying per step."""

import time

from models_app.domain.failures import (
    ABOUT_THE_HOST,
    Failure,
    FailureCode,
    FailureError,
    RuntimeUnreachableError,
)
from models_app.domain.states import ArtifactState, HostState, PlacementState
from models_app.models import Placement
from models_app.services.leases import Lease
from models_app.services.observed.placements import (
    artifact_is_corrupt,
    placement_failed,
    placement_forget,
    placement_progress,
)
from models_app.services.wishes import look_now
from workers.reconcilers.base import DONE, Result, backoff_s, run
from workers.reconcilers.runtimes import artifact_ref, runtime_of, runtime_to_copy

STEP_S = 5.0  # of copying; a worker killed loses at most this much
LOOK_AGAIN_S = 10.0
TRIES = 6


def reconcile_placement(placement_id: int) -> None:
    """Look at one placement."""
    run(Placement, placement_id, _work, related=("host", "artifact__model"))


def _work(placement: Placement, lease: Lease[Placement]) -> Result:
    if placement.host.state in {HostState.UNREACHABLE, HostState.FAILED}:
        return Result(LOOK_AGAIN_S)
    is_unwanted = placement.state == PlacementState.REMOVING
    if is_unwanted or placement.artifact.state == ArtifactState.REMOVING:
        return _remove(placement, lease)
    if placement.state in {PlacementState.READY, PlacementState.FAILED}:
        return DONE
    try:
        return _place(placement, lease)
    except RuntimeUnreachableError:
        return Result(LOOK_AGAIN_S)
    except FailureError as error:
        return _failed(placement, lease, error.failure)


def _failed(placement: Placement, lease: Lease[Placement], failure: Failure) -> Result:
    if failure.code in ABOUT_THE_HOST:
        look_now(placement.host)  # its reconciler says so; of the file nothing is concluded
        return Result(LOOK_AGAIN_S)
    if failure.code == FailureCode.CHECKSUM:
        artifact_is_corrupt(placement.artifact)
    attempts = placement.attempts + 1
    retry_s = backoff_s(attempts) if failure.retry and attempts < TRIES else None
    placement_failed(lease, placement, failure, retry_s=retry_s)
    return Result(retry_s)


def _place(placement: Placement, lease: Lease[Placement]) -> Result:
    began, done = time.monotonic(), placement.done_bytes
    with runtime_to_copy(placement.host) as runtime:
        transfer = runtime.ensure_artifact(artifact_ref(placement.artifact), seconds=STEP_S)
    elapsed = max(time.monotonic() - began, 0.001)
    speed = max(transfer.done_bytes - done, 0) / elapsed
    placement_progress(lease, placement, transfer, speed)
    return DONE if transfer.finished else Result(0.0)


def _remove(placement: Placement, lease: Lease[Placement]) -> Result:
    try:
        with runtime_of(placement.host) as runtime:
            runtime.remove_artifact(artifact_ref(placement.artifact))
    except RuntimeUnreachableError:
        return Result(LOOK_AGAIN_S)
    placement_forget(lease, placement)
    return DONE
