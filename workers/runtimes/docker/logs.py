"""A container's output, line by line. The time at which Docker took a line is its offset."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from models_app.domain.specs import LogLine
from workers.runtimes.docker.errors import AbsentError, TakenError
from workers.runtimes.docker.transport import Client, frames

TAIL_S = 10.0
_NANO = 1_000_000_000
_OVERLAP = 1000  # read again before the offset: lines of one nanosecond get the same offsets again


def tail_lines(client: Client, container: str, *, lines: int) -> list[LogLine]:
    """Return the last lines; none when the container or its output is gone."""
    return list(_read(client, container, {"tail": str(max(lines, 0))}, after=-1))


def read_lines(client: Client, container: str, *, after: int, limit: int) -> list[LogLine]:
    """Return lines after the offset `after`."""
    params = {"tail": "all"}
    if after >= 0:
        since = max(after - _OVERLAP, 0)
        params["since"] = f"{since // _NANO}.{since % _NANO:09d}"
    found: list[LogLine] = []
    for line in _read(client, container, params, after=after):
        if len(found) >= limit:
            break
        found.append(line)
    return found


def _read(
    client: Client, container: str, params: dict[str, str], *, after: int
) -> Iterator[LogLine]:
    asked = {"stdout": "1", "stderr": "1", "timestamps": "1", "follow": "0", **params}
    try:
        answer = client.opened("GET", f"/containers/{container}/logs", params=asked, timeout=TAIL_S)
    except (AbsentError, TakenError):
        return
    with answer:
        last = -1
        for text in _lines(frames(answer)):
            offset, words = _parsed(text)
            # Two lines of one nanosecond still have an order.
            last = offset = max(offset, last + 1)
            if offset > after:
                yield LogLine(offset, words)


def _lines(pieces: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace").rstrip("\r")
    if rest:
        yield rest.decode(errors="replace").rstrip("\r")


def _parsed(text: str) -> tuple[int, str]:
    """Return a line's moment in nanoseconds since the epoch, and what it says."""
    stamp, _, words = text.partition(" ")
    try:
        whole, _, fraction = stamp.removesuffix("Z").partition(".")
        moment = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
        return moment * _NANO + int(fraction.ljust(9, "0")[:9] or 0), words
    except ValueError:
        return -1, text
