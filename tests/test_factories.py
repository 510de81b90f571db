"""The factories make rows that the database's own constraints accept."""

import pytest

from tests import factories


@pytest.mark.django_db
def test_every_factory_makes_a_row_that_the_constraints_accept() -> None:
    replica = factories.make_replica()
    factories.make_placement(replica.revision.artifact, replica.host)
    factories.make_operation(model=replica.revision.artifact.model)
    factories.make_engine()
    factories.make_revision(replica.deployment)
    event = factories.make_event(replica, "replica.ready")
    assert replica.deployment.revision == replica.revision
    assert replica.deployment.revisions.count() == 2
    assert event.deployment_id == replica.deployment.public_id
