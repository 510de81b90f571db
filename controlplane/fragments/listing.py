"""One page of a long list, with the addresses of its neighbours. The page is in the address."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext

from controlplane.wording.formats import number_text

T = TypeVar("T")
M = TypeVar("M", bound=Model)

PAGE_ROWS = 50
PAGE_LIVE_ROWS = 30  # of lists that are painted anew every few seconds, with states and figures


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """The rows of one page, and where it lies among all."""

    rows: Sequence[T]
    total: int
    number: int  # of this page, from 1
    filters: QueryDict
    page_rows: int = PAGE_ROWS

    @property
    def is_filtered(self) -> bool:
        """Whether something in the address left rows out."""
        return any(value for key, value in self.filters.items() if key not in ("page", "sort"))

    @property
    def query(self) -> str:
        """The address's query string, with which a live repaint asks for the same rows."""
        return self.filters.urlencode()

    @property
    def previous_url(self) -> str:
        """The page before, empty on the first."""
        return self._address(self.number - 1) if self.number > 1 else ""

    @property
    def next_url(self) -> str:
        """The page after, empty on the last."""
        return self._address(self.number + 1) if self._last < self.total else ""

    @property
    def text(self) -> str:
        """Which rows of how many: 1 to 50 of 1,000."""
        return gettext("{first} to {last} of {total}").format(
            first=number_text(self._first),
            last=number_text(self._last),
            total=number_text(self.total),
        )

    @property
    def is_long(self) -> bool:
        """Whether there is more than this page."""
        return self.total > len(self.rows)

    @property
    def _first(self) -> int:
        return min(self.total, (self.number - 1) * self.page_rows + 1)

    @property
    def _last(self) -> int:
        return (self.number - 1) * self.page_rows + len(self.rows)

    def _address(self, number: int) -> str:
        query = self.filters.copy()
        query["page"] = str(number)
        return f"?{query.urlencode()}"


def listing(
    rows: QuerySet[M],
    filters: QueryDict,
    *,
    shown_as: Callable[[list[M]], Iterable[Any]] = list,
    page_rows: int = PAGE_ROWS,
) -> Listing[Any]:
    """Return the page that `?page=` asks for, the last one when there are fewer.

    `shown_as` turns the rows of this page into what the template reads.
    """
    total = rows.count()
    last = max(1, -(-total // page_rows))
    number = min(last, max(1, _number(filters.get("page", ""))))
    found = list(rows[(number - 1) * page_rows : number * page_rows]) if total else []
    return Listing(list(shown_as(found)), total, number, filters, page_rows)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 8 else 1  # noqa: PLR2004 - digits


def sorted_by(rows: QuerySet[M], filters: QueryDict, columns: dict[str, str]) -> QuerySet[M]:
    """Order by what `?sort=` names, when it is one of `columns` (address name -> field)."""
    asked = filters.get("sort", "")
    field = columns.get(asked.removeprefix("-"))
    if field is None:
        return rows
    return rows.order_by(f"-{field}" if asked.startswith("-") else field, "pk")
