"""Numbers, sizes, durations and times as people read them, in the language of the request.

The browser ages times on its own (`static/slipway/parts.js`) with the same patterns, handed to it
by `relative_patterns`, so that a page never says two things about one moment.
"""

from datetime import datetime, timedelta
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import get_decimal_symbol, get_group_symbol
from django.utils import timezone
from django.utils.translation import get_language, gettext

UNKNOWN = "–"  # noqa: RUF001 (an en dash is meant)
_BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024
_ONE_DECIMAL_BELOW = 99.95
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_DATE_AFTER = 30 * _DAY


@lru_cache(maxsize=8)
def _locale_of(language: str) -> Locale:
    return Locale.parse(language.replace("-", "_"))


def locale() -> Locale:
    """Return Babel's locale for the language now active."""
    return _locale_of(get_language() or "en")


@lru_cache(maxsize=8)
def _separators(language: str) -> dict[int, str]:
    """Return what Python's own separators become; tables hold hundreds of numbers."""
    locale = _locale_of(language)
    return {ord(","): get_group_symbol(locale), ord("."): get_decimal_symbol(locale)}


def number_text(value: float | None, digits: int = 0) -> str:
    """Return the number grouped and rounded to `digits`; a dash when unknown."""
    if value is None:
        return UNKNOWN
    return f"{value:,.{digits}f}".translate(_separators(get_language() or "en"))


def short_number_text(value: float | None) -> str:
    """Return the number with one decimal while it is small: 4.2, 42.7, 427."""
    if value is None:
        return UNKNOWN
    return number_text(value, 1 if abs(value) < _ONE_DECIMAL_BELOW and value != int(value) else 0)


def percent_text(value: float | None, digits: int = 0) -> str:
    """Return a percentage given as 0 to 100."""
    return UNKNOWN if value is None else f"{number_text(value, digits)} %"


def size_parts(size_bytes: float | None) -> tuple[str, str]:
    """Return a size in binary units as figure and unit."""
    if size_bytes is None:
        return UNKNOWN, ""
    value = float(size_bytes)
    unit = _BINARY_UNITS[0]
    for unit in _BINARY_UNITS:
        if abs(value) < _STEP - 0.5 or unit == _BINARY_UNITS[-1]:
            break
        value /= _STEP
    digits = 0 if unit == "B" or abs(value) >= _ONE_DECIMAL_BELOW else 1
    return number_text(value, digits), unit


def size_text(size_bytes: float | None) -> str:
    """Return a size in binary units: 93.8 MiB."""
    return " ".join(part for part in size_parts(size_bytes) if part)


def rate_text(bytes_per_second: float | None) -> str:
    """Return a transfer speed: 312 MiB/s."""
    return UNKNOWN if bytes_per_second is None else f"{size_text(bytes_per_second)}/s"


def parameters_text(count: float | None) -> str:
    """Return a model's number of parameters as its family writes it: 135 M, 1.7 B."""
    if count is None:
        return UNKNOWN
    for limit, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if count >= limit * 0.9995:
            return f"{short_number_text(count / limit)} {unit}"
    return number_text(count)


def _unit_patterns() -> dict[str, str]:
    return _unit_patterns_in(get_language() or "en")


@lru_cache(maxsize=8)
def _unit_patterns_in(_language: str) -> dict[str, str]:
    return {
        "second": gettext("{n} s"),
        "minute": gettext("{n} min"),
        "hour": gettext("{n} h"),
        "day": gettext("{n} d"),
        "ago": gettext("{span} ago"),
        "in": gettext("in {span}"),
        "now": gettext("just now"),
    }


def relative_patterns() -> dict[str, str]:
    """Return the patterns with which the browser ages a time."""
    return _unit_patterns()


def span_text(seconds: float) -> str:
    """Return a length of time by its largest unit alone: 3 min."""
    whole = max(0, int(seconds))
    patterns = _unit_patterns()
    for size, unit in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if whole >= size:
            return patterns[unit].format(n=number_text(whole // size))
    return patterns["second"].format(n=whole)


def duration_text(seconds: float | None) -> str:
    """Return a length of time by its two largest units: 320 ms, 1.9 s, 3 min 12 s, 2 d 4 h."""
    if seconds is None:
        return UNKNOWN
    if 0 < seconds < 1:
        return f"{number_text(seconds * 1000)} ms"
    if seconds < 10:  # noqa: PLR2004
        return _unit_patterns()["second"].format(n=short_number_text(round(seconds, 1)))
    whole = round(seconds)
    for size, rest in ((_DAY, _HOUR), (_HOUR, _MINUTE), (_MINUTE, 1)):
        if whole >= size:
            tail = whole % size // rest * rest
            return span_text(whole) + (f" {span_text(tail)}" if tail else "")
    return span_text(whole)


def since_text(then: datetime | None, now: datetime | None = None) -> str:
    """Return how long something has lasted: 3 min."""
    if then is None:
        return UNKNOWN
    return span_text(((now or timezone.now()) - then).total_seconds())


def ago_text(then: datetime | None, now: datetime | None = None) -> str:
    """Return when something happened, seen from now: 3 min ago, in 10 s, 4 Mar 2026."""
    if then is None:
        return UNKNOWN
    seconds = ((now or timezone.now()) - then).total_seconds()
    patterns = _unit_patterns()
    if abs(seconds) >= _DATE_AFTER:
        return date_text(then)
    if seconds <= -1:
        return patterns["in"].format(span=span_text(-seconds))
    if seconds < 1:
        return patterns["now"]
    return patterns["ago"].format(span=span_text(seconds))


def clock_text(moment: datetime | None) -> str:
    """Return the time of day with seconds: 12:04:31."""
    return UNKNOWN if moment is None else f"{timezone.localtime(moment):%H:%M:%S}"


def date_text(moment: datetime | None) -> str:
    """Return the day: 4 Mar 2026."""
    if moment is None:
        return UNKNOWN
    return format_date(timezone.localtime(moment), "d MMM y", locale=locale())


def moment_text(moment: datetime | None) -> str:
    """Return day and time in full, for titles: 4 March 2026, 12:04:31 CET."""
    if moment is None:
        return UNKNOWN
    whole = timezone.localtime(moment).replace(microsecond=0)
    return _moment_text(whole, str(whole.tzinfo), get_language() or "en")


@lru_cache(maxsize=4096)
def _moment_text(moment: datetime, _zone: str, language: str) -> str:
    """Return a moment in full; lists say the same ones again and again, and Babel takes its time.

    The zone is part of the key: moments of two zones that are the same instant are equal.
    """
    return format_datetime(moment, "d MMMM y, HH:mm:ss z", locale=_locale_of(language))


def day_text(moment: datetime | None, now: datetime | None = None) -> str:
    """Return the day as a heading: today, yesterday, or its date."""
    if moment is None:
        return UNKNOWN
    today = timezone.localtime(now or timezone.now()).date()
    day = timezone.localtime(moment).date()
    if day == today:
        return gettext("today")
    if day == today - timedelta(days=1):
        return gettext("yesterday")
    return date_text(moment)
