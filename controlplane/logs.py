"""What a log line is made of: the id of the request it belongs to, and no one-time link."""

import logging
import re
from contextvars import ContextVar

NO_REQUEST = "-"
request_id: ContextVar[str] = ContextVar("request_id", default=NO_REQUEST)

REQUEST_ID = "slipway.request_id"  # in a request's META, for lines that are written after it
_LINK = re.compile(r"(/sign-in/link/)[^\s\"'?#]+")


class RequestIdFilter(logging.Filter):
    """Adds `request_id` to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the id; never drops a record.

        Django writes of a refused request when the middleware has gone already: it hands the
        request over with the record.
        """
        found = request_id.get()
        if found == NO_REQUEST:
            meta = getattr(getattr(record, "request", None), "META", {})
            found = str(meta.get(REQUEST_ID, found))
        record.request_id = found
        return True


class LineFormatter(logging.Formatter):
    """Writes lines in which a one-time link opens nothing: it would still be valid for minutes."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, its traceback included, without the secret part of sign-in links."""
        return _LINK.sub(r"\1***", super().format(record))


class ShortFilter(logging.Filter):
    """Keeps the line and drops the traceback, where anybody can cause it and it tells nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten the record; never drops it."""
        record.exc_info, record.exc_text = None, None
        return True
