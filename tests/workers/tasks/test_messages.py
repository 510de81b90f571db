"""A message that waited too long does nothing: the database's clock says what too long is."""

from typing import Any

import pytest
from celery import current_app

from models_app.models.clock import database_now
from models_app.notify.workers import UNTIL
from workers.tasks.messages import Message

pytestmark = pytest.mark.django_db


class Note(Message):
    """Writes down what it was called with."""

    name = "tests.note"

    def __init__(self) -> None:
        self.bind(current_app)
        self.seen: list[int] = []

    def run(self, *arguments: Any, **named: Any) -> None:
        """Note it."""
        assert not named
        self.seen.extend(arguments)


def test_an_old_message_does_nothing_and_any_other_its_work() -> None:
    note, now = Note(), database_now().timestamp()
    note(1)  # nobody said until when
    for number, until in ((2, now + 60), (3, now - 1)):
        note.push_request(**{UNTIL: until})
        note(number)
        note.pop_request()
    assert note.seen == [1, 2]
