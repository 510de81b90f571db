"""A replica's output as lines and as a file."""

import pytest
from django.urls import reverse

from controlplane.web.views import replica_logs
from models_app.domain.errors import UnavailableError
from models_app.domain.specs import LogLine
from tests.factories import make_replica


@pytest.fixture
def written(monkeypatch):
    """What the transport gives; remembers what was asked of it."""
    asked = []

    def read(replica_id, *, lines, previous=False):
        asked.append((replica_id, previous))
        return [LogLine(0, "è <b>"), LogLine(10, "end")]

    monkeypatch.setattr(replica_logs, "read_recent", read)
    return asked


def test_lines_for_the_log_view(charlie_browser, written):
    replica = make_replica()
    address = reverse("web:replica-log", args=[replica.public_id])
    answer = charlie_browser.get(address, {"run": "previous"})
    assert answer.json() == {
        "lines": [{"offset": 0, "text": "è <b>"}, {"offset": 10, "text": "end"}],
        "next": 10,
    }
    assert written == [(replica.pk, True)]


def test_a_file_is_text_to_be_saved_never_shown(charlie_browser, written):
    replica = make_replica()
    answer = charlie_browser.get(reverse("web:replica-log-download", args=[replica.public_id]))
    assert answer.content.decode() == "è <b>\nend\n"
    assert answer["Content-Type"].startswith("text/plain")
    assert answer["Content-Disposition"] == f'attachment; filename="{replica.workload}.log"'


def test_the_page_follows_the_replica_that_it_shows(charlie_browser):
    replica = make_replica()
    html = charlie_browser.get(
        reverse("web:deployment-logs", args=[replica.deployment.name])
    ).content.decode()
    assert f'data-log-replica="{replica.public_id}"' in html
    assert "slipway/follow.js" in html


def test_lines_that_cannot_be_read_are_said_so(charlie_browser, monkeypatch):
    def read(*_args, **_more):
        raise UnavailableError("LOGS_UNAVAILABLE")

    monkeypatch.setattr(replica_logs, "read_recent", read)
    answer = charlie_browser.get(reverse("web:replica-log", args=[make_replica().public_id]))
    assert answer.status_code == 503
