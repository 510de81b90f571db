"""Usage records reach the database in batches, and wait while it is away."""

import pytest

from controlplane.gateway import usage_book
from controlplane.gateway.usage_book import UsageBook


async def test_records_are_written_in_batches(monkeypatch):
    monkeypatch.setattr(usage_book, "BATCH", 3)
    batches = []
    book = UsageBook(write=lambda records: batches.append(list(records)) or len(records))
    for number in range(7):
        book.note(number)
    await book.write_now()
    assert batches == [[0, 1, 2], [3, 4, 5], [6]]


async def test_records_wait_in_order_while_the_database_is_away():
    written = []
    broken = True

    def write(records):
        if broken:
            raise OSError("away")
        written.extend(records)
        return len(records)

    book = UsageBook(write)
    book.note(1)
    book.note(2)
    with pytest.raises(OSError, match="away"):
        await book.write_now()
    book.note(3)
    broken = False
    await book.write_now()
    assert written == [1, 2, 3]
