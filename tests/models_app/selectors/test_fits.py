"""Whether a model fits, with the figures that forms show and the scheduler uses."""

import pytest

from models_app.domain.sizing import Fit
from models_app.domain.states import ReplicaState
from models_app.models import User
from models_app.selectors.fits import fit_on_hosts, memory_estimate, offers_for
from tests.factories import (
    GIB,
    MIB,
    actor_of,
    artifact_facts,
    host_usage,
    make_artifact,
    make_deployment,
    make_engine,
    make_host,
    make_replica,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def engine() -> None:
    make_engine()


def test_the_verdict_names_the_figures(charlie: User) -> None:
    make_host("big")
    make_host("full", usage=host_usage(memory_used_bytes=16 * GIB - 100 * MIB))
    make_host("fresh", facts={}, usage={})
    fits = {
        fit.host.name: fit
        for fit in fit_on_hosts(
            actor_of(charlie), artifact=make_artifact(), engine="llamacpp", parameters={}
        )
    }
    assert fits["big"].verdict.fit == Fit.FITS
    assert fits["full"].verdict.fit == Fit.DOES_NOT_FIT
    assert fits["full"].verdict.left_bytes is not None
    assert fits["full"].verdict.left_bytes < 0
    assert fits["full"].refusal == "NOT_ENOUGH_MEMORY"
    assert fits["fresh"].verdict.fit == Fit.UNKNOWN


def test_an_unknown_fact_is_never_zero(charlie: User) -> None:
    make_host()
    artifact = make_artifact(facts=artifact_facts(layers=None))
    (fit,) = fit_on_hosts(actor_of(charlie), artifact=artifact, engine="llamacpp", parameters={})
    assert fit.verdict.fit == Fit.UNKNOWN
    assert fit.verdict.needed_bytes is None
    assert fit.refusal == "MEMORY_UNKNOWN"


def test_what_is_promised_is_not_promised_twice() -> None:
    host = make_host(memory_budget_bytes=GIB)
    replica = make_replica(host=host, predicted_bytes=700 * MIB)
    (offer,) = offers_for(None, replica.revision.artifact)
    assert offer.room_bytes == 324 * MIB
    replica.state = ReplicaState.RETIRED
    replica.save()
    (offer,) = offers_for(None, replica.revision.artifact)
    assert offer.room_bytes == GIB


def test_a_prediction_learns_from_what_replicas_really_took() -> None:
    deployment = make_deployment()
    artifact = make_artifact()
    revision = deployment.revision
    assert revision
    revision.artifact = artifact
    revision.save()
    plain = memory_estimate(artifact, "llamacpp", revision.parameters)
    assert plain.total_bytes
    make_replica(deployment, peak_bytes=round(plain.total_bytes * 1.5))
    learned = memory_estimate(artifact, "llamacpp", revision.parameters)
    assert learned.total_bytes == pytest.approx(plain.total_bytes * 1.5, rel=0.01)


def test_offers_take_a_fixed_number_of_queries(django_assert_num_queries: object) -> None:
    artifact = make_artifact()
    for _ in range(5):
        make_host()
    with django_assert_num_queries(4):  # type: ignore[operator]
        assert len(offers_for(None, artifact)) == 5
