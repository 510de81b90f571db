"""What a host could run: fits, tight, does not fit, by the same rules as the deployment form."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from models_app.domain.sizing import Fit
from models_app.domain.states import ArtifactState
from models_app.models import User
from models_app.selectors.fits import fit_on_hosts
from models_app.selectors.host_fits import artifacts_on_host
from tests import factories
from tests.factories import GIB, actor_of

pytestmark = pytest.mark.django_db


def weights(gib: float) -> dict[str, object]:
    return factories.artifact_facts(tensor_bytes=int(gib * GIB), layers=1)


def test_the_largest_that_fits_comes_first_and_what_does_not_last(bob: User) -> None:
    factories.make_engine()
    host = factories.make_host()  # 16 GiB, 4 of them in use
    for name, gib in (("small", 1), ("large", 9), ("tight", 11.3), ("huge", 14)):
        factories.make_artifact(factories.make_model(name), facts=weights(gib))
    factories.make_artifact(factories.make_model("foggy"), facts={"tensor_bytes": 5})
    factories.make_artifact(factories.make_model("odd"), format="onnx")
    factories.make_artifact(factories.make_model("gone"), state=ArtifactState.CORRUPT)
    found = artifacts_on_host(actor_of(bob), host)
    said = [(f.artifact.model.name, f.verdict.fit if f.verdict else None) for f in found]
    assert said == [
        ("large", Fit.FITS),
        ("small", Fit.FITS),
        ("tight", Fit.TIGHT),
        ("huge", Fit.DOES_NOT_FIT),
        ("foggy", Fit.UNKNOWN),
        ("odd", None),
    ]


def test_it_agrees_with_the_form_also_after_a_replica_has_taught_it(bob: User) -> None:
    factories.make_engine()
    artifact = factories.make_artifact()
    host = factories.make_host()
    deployment = factories.make_deployment(artifact=artifact)
    factories.make_replica(deployment, host, peak_bytes=900 << 20)
    (mine,) = artifacts_on_host(actor_of(bob), host)
    (forms,) = fit_on_hosts(
        actor_of(bob),
        artifact=artifact,
        engine="llamacpp",
        parameters={"context_length": mine.context},
        hosts=[host],
    )
    assert mine.verdict == forms.verdict
    assert mine.verdict is not None
    assert mine.verdict.needed_bytes is not None


def test_an_engine_of_tests_is_none_and_four_queries_are_enough(bob: User) -> None:
    factories.make_engine("fake", for_tests=True)
    host = factories.make_host()
    for _ in range(20):
        factories.make_artifact()
    with CaptureQueriesContext(connection) as queries:
        found = artifacts_on_host(actor_of(bob), host)
    assert len(queries) <= 4
    assert {fit.engine for fit in found} == {None}
