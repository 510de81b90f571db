"""Reading a workload's output by byte offset, and keeping its file from filling the disk.

An offset counts every byte the workload has ever written, through rotations and restarts, so that
a reader resumes with the last offset it saw. Colours are kept as they are; bytes that are not UTF-8
are replaced; a line longer than LINE_BYTES comes in pieces.
"""

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path

from models_app.domain.specs import LogLine
from workers.runtimes.process.folder import WorkloadFolder

LINE_BYTES = 8192
ROTATE_BYTES = 10 << 20
TAIL_BYTES = 256 << 10


def read_lines(folder: WorkloadFolder, *, after: int, limit: int, partial: bool) -> list[LogLine]:
    """Return up to `limit` lines that begin after the offset `after`, oldest first.

    `partial`: also a last line that has no end yet; wanted only once the workload has ended.
    """
    base = folder.read_log_base()
    parts = [(base, folder.log)]
    with suppress(FileNotFoundError):
        rotated = folder.rotated_log.stat().st_size
        if -1 < after < base:
            parts.insert(0, (base - rotated, folder.rotated_log))
    found: list[LogLine] = []
    for start, path in parts:
        last = path == folder.log
        found += _lines_of(
            path, start, after=after, limit=limit - len(found), partial=partial or not last
        )
        if len(found) >= limit:
            break
    return found


def tail_lines(folder: WorkloadFolder, *, lines: int, previous: bool = False) -> list[LogLine]:
    """Return the last lines of this run, or of the run before (offsets then begin at 0)."""
    if previous:
        return _end_of(folder.previous_log, 0)[-lines:]
    base = folder.read_log_base()
    found = _end_of(folder.log, base)
    if len(found) < lines and folder.rotated_log.exists():
        size = folder.rotated_log.stat().st_size
        found = _end_of(folder.rotated_log, base - size) + found
    return found[-lines:] if lines > 0 else []


def rotate_when_big(folder: WorkloadFolder, limit: int = ROTATE_BYTES) -> bool:
    """Copy a log that has grown too big aside and empty it; return whether that was done.

    The engine goes on appending to the same file. What it writes between the copy and the cut is
    lost: a few lines, at the worst moment, every ten megabytes.
    """
    try:
        handle = os.open(folder.log, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_size <= limit:
            return False
        part = folder.rotated_log.with_suffix(".part")
        shutil.copyfile(folder.log, part)
        size = part.stat().st_size
        part.replace(folder.rotated_log)
        os.ftruncate(handle, 0)
        folder.write_log_base(folder.read_log_base() + size)
    except BlockingIOError:
        return False  # another worker is doing it
    finally:
        os.close(handle)
    return True


def _lines_of(path: Path, base: int, *, after: int, limit: int, partial: bool) -> list[LogLine]:
    found: list[LogLine] = []
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        return found
    with file:
        if after >= base:
            file.seek(after - base)
            file.readline(LINE_BYTES)  # the line that the reader has
        while len(found) < limit:
            offset = base + file.tell()
            piece = file.readline(LINE_BYTES)
            whole = piece.endswith(b"\n") or len(piece) == LINE_BYTES
            if not piece or not (whole or partial):
                break
            found.append(_line(offset, piece))
    return found


def _end_of(path: Path, base: int) -> list[LogLine]:
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        return []
    with file:
        start = max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES)
        file.seek(start)
        if start:
            file.readline()  # from the middle of a line
        found: list[LogLine] = []
        while True:
            offset = base + file.tell()
            piece = file.readline(LINE_BYTES)
            if not piece:
                return found
            found.append(_line(offset, piece))


def _line(offset: int, piece: bytes) -> LogLine:
    return LogLine(offset, piece.decode("utf-8", "replace").rstrip("\r\n"))
