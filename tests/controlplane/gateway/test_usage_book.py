"""Usage records reach the database in batches, and wait while it is away."""

from typing import Any

import pytest

from controlplane.gateway import usage_book
from controlplane.gateway.usage_book import UsageBook


def any_record(number: int) -> Any:
    """The book does not look into what it keeps."""
    return number


async def test_records_are_written_in_batches(monkeypatch):
    monkeypatch.setattr(usage_book, "BATCH", 3)
    batches: list[list[Any]] = []

    def write(records):
        batches.append(list(records))
        return len(records)

    book = UsageBook(write)
    for number in range(7):
        book.note(any_record(number))
    await book.write_now()
    assert batches == [[0, 1, 2], [3, 4, 5], [6]]


async def test_records_wait_in_order_while_the_database_is_away():
    written: list[Any] = []
    broken = True

    def write(records):
        if broken:
            raise OSError("away")
        written.extend(records)
        return len(records)

    book = UsageBook(write)
    book.note(any_record(1))
    book.note(any_record(2))
    with pytest.raises(OSError, match="away"):
        await book.write_now()
    book.note(any_record(3))
    broken = False
    await book.write_now()
    assert written == [1, 2, 3]
