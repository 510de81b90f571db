"""Reads the header of a GGUF file that a stranger may have made.

Every count, length and offset is checked against the limits below and against the size of the file
before it is believed: a header that lies costs little time and memory, whatever it claims. Weights
are never read, chat templates never rendered. Import it through `models_app.domain.gguf`.
"""

import math
import os
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from models_app.domain.ggml_types import TENSOR_TYPES
from models_app.domain.gguf_header import (
    GgufError,
    GgufFault,
    GgufHeader,
    LongArray,
    Tensor,
    Value,
)

MAX_TENSORS = 65_536
MAX_KEYS = 4_096
MAX_KEY_BYTES = 64 << 10
MAX_STRING_BYTES = 1 << 20  # chat templates are the longest honest strings
MAX_KEPT_BYTES = 16 << 20  # all strings of a header together
MAX_STRINGS_SKIPPED = 4_000_000  # vocabulary and merges; the largest today have 1.2 million
MAX_ARRAY_KEPT = 256  # one figure per layer; longer arrays are counted, not kept
MAX_HEADER_BYTES = 256 << 20
MAX_DIMENSIONS = 4
MAX_ALIGNMENT = 1 << 20
CHUNK_BYTES = 1 << 20

_MAGIC = b"GGUF"
_LENGTH = struct.Struct("<Q")
_STRING, _ARRAY, _BOOL = 8, 9, 7
_SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<B",
    10: "<Q",
    11: "<q",
    12: "<d",
}


def read_header(path: Path) -> GgufHeader:
    """Return the header of the file. Raises GgufError for what it holds, OSError for the disk."""
    # O_NONBLOCK: opening a named pipe would wait for ever.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise GgufError(GgufFault.NOT_GGUF)
        with os.fdopen(handle, "rb", buffering=0, closefd=False) as file:
            return _read(_Cursor(file, status.st_size))
    finally:
        os.close(handle)


class _Cursor:
    """Reads forward through a file in chunks and refuses to pass its end."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.size = size
        self.kept_bytes = 0
        self.strings_skipped = 0
        self._file = file
        self._chunk = b""
        self._start = 0  # place of the chunk in the file
        self._at = 0  # place of the cursor in the chunk

    @property
    def position(self) -> int:
        return self._start + self._at

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._chunk):
            self._refill(count)
        piece = self._chunk[self._at : self._at + count]
        self._at += count
        return piece

    def skip(self, count: int) -> None:
        self._require(count)
        self._at += count

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def string(self, limit: int) -> str:
        length: int = self.number("<Q")
        if length > limit:
            raise GgufError(GgufFault.TOO_LONG, at=self.position, length=length, limit=limit)
        self.kept_bytes += length
        if self.kept_bytes > MAX_KEPT_BYTES:
            raise GgufError(GgufFault.TOO_LONG, at=self.position, limit=MAX_KEPT_BYTES)
        return self.take(length).decode("utf-8", "replace")

    def skip_strings(self, count: int) -> None:
        self.strings_skipped += count
        if self.strings_skipped > MAX_STRINGS_SKIPPED:
            raise GgufError(
                GgufFault.TOO_LONG, at=self.position, length=count, limit=MAX_STRINGS_SKIPPED
            )
        self._require(8 * count)
        while count > 0:
            if self._at + 8 > len(self._chunk):
                self._refill(8)
            # Half a million strings are usual: this loop is most of the reader's time.
            chunk, at, last = self._chunk, self._at, len(self._chunk) - 8
            while count > 0 and at <= last:
                at += 8 + _LENGTH.unpack_from(chunk, at)[0]
                count -= 1
            self._at = at
            self._require(0)

    def _require(self, count: int) -> None:
        end = self.position + count
        if end > self.size:
            raise GgufError(GgufFault.TRUNCATED, at=self.position, size_bytes=self.size)
        if end > MAX_HEADER_BYTES:
            raise GgufError(GgufFault.TOO_LONG, at=self.position, limit=MAX_HEADER_BYTES)

    def _refill(self, count: int) -> None:
        self._require(count)
        self._start, self._at = self.position, 0
        self._file.seek(self._start)
        wanted = max(count, CHUNK_BYTES)
        pieces: list[bytes] = []
        while wanted > 0 and (piece := self._file.read(wanted)):
            pieces.append(piece)
            wanted -= len(piece)
        self._chunk = b"".join(pieces)
        if len(self._chunk) < count:  # it shrank while we read
            raise GgufError(GgufFault.TRUNCATED, at=self._start, size_bytes=self.size)


def _read(cursor: _Cursor) -> GgufHeader:
    if cursor.size < len(_MAGIC) or cursor.take(len(_MAGIC)) != _MAGIC:
        raise GgufError(GgufFault.NOT_GGUF)
    version: int = cursor.number("<I")
    if version not in {2, 3}:
        raise GgufError(GgufFault.VERSION, version=version)
    tensor_count: int = cursor.number("<Q")
    key_count: int = cursor.number("<Q")
    if tensor_count > MAX_TENSORS:
        raise GgufError(GgufFault.TOO_MANY_TENSORS, count=tensor_count, limit=MAX_TENSORS)
    if key_count > MAX_KEYS:
        raise GgufError(GgufFault.TOO_MANY_KEYS, count=key_count, limit=MAX_KEYS)
    metadata = _read_metadata(cursor, key_count)
    alignment = _check_alignment(metadata)
    tensors = _read_tensors(cursor, tensor_count)
    data_offset = _padded(cursor.position, alignment)
    _check_layout(tensors, alignment, cursor.size - data_offset)
    return GgufHeader(version, metadata, tensors, alignment, data_offset, cursor.size)


def _read_metadata(cursor: _Cursor, count: int) -> dict[str, Value]:
    metadata: dict[str, Value] = {}
    for _ in range(count):
        key = cursor.string(MAX_KEY_BYTES)
        if key in metadata:
            raise GgufError(GgufFault.DUPLICATE, name=key[:200])
        metadata[key] = _read_value(cursor, cursor.number("<I"))
    parts = metadata.get("split.count")
    if isinstance(parts, int) and parts > 1:
        raise GgufError(GgufFault.SPLIT, parts=parts)
    return metadata


def _read_value(cursor: _Cursor, kind: int) -> Value:
    if kind == _ARRAY:
        return _read_array(cursor)
    return _read_scalar(cursor, kind)


def _read_scalar(cursor: _Cursor, kind: int) -> int | float | bool | str:
    if kind == _STRING:
        return cursor.string(MAX_STRING_BYTES)
    if kind not in _SCALARS:
        raise GgufError(GgufFault.VALUE_TYPE, at=cursor.position, type=kind)
    number: int | float = cursor.number(_SCALARS[kind])
    return bool(number) if kind == _BOOL else number


def _read_array(cursor: _Cursor) -> Value:
    kind: int = cursor.number("<I")
    count: int = cursor.number("<Q")
    if kind != _STRING and kind not in _SCALARS:  # arrays of arrays: llama.cpp has none either
        raise GgufError(GgufFault.VALUE_TYPE, at=cursor.position, type=kind)
    if count <= MAX_ARRAY_KEPT:
        return tuple(_read_scalar(cursor, kind) for _ in range(count))
    if kind == _STRING:
        cursor.skip_strings(count)
    else:
        cursor.skip(count * struct.calcsize(_SCALARS[kind]))
    return LongArray(count)


def _check_alignment(metadata: Mapping[str, Value]) -> int:
    alignment = metadata.get("general.alignment", 32)
    power = alignment if type(alignment) is int else 0  # a bool is an int too
    if not 0 < power <= MAX_ALIGNMENT or power.bit_count() != 1:
        raise GgufError(GgufFault.ALIGNMENT, alignment=str(alignment)[:40])
    return power


def _read_tensors(cursor: _Cursor, count: int) -> tuple[Tensor, ...]:
    if count == 0:
        raise GgufError(GgufFault.NO_TENSORS)
    tensors = tuple(_read_tensor(cursor) for _ in range(count))
    names = {tensor.name for tensor in tensors}
    if len(names) != count:
        raise GgufError(GgufFault.DUPLICATE, count=count - len(names))
    return tensors


def _read_tensor(cursor: _Cursor) -> Tensor:
    name = cursor.string(MAX_KEY_BYTES)
    rank: int = cursor.number("<I")
    if not 1 <= rank <= MAX_DIMENSIONS:
        raise GgufError(GgufFault.DIMENSIONS, tensor=name[:200], dimensions=rank)
    dims = struct.unpack(f"<{rank}Q", cursor.take(8 * rank))
    kind = TENSOR_TYPES.get(number := cursor.number("<I"))
    offset: int = cursor.number("<Q")
    if kind is None:
        raise GgufError(GgufFault.TENSOR_TYPE, tensor=name[:200], type=number)
    values = math.prod(dims)
    if not 0 < values < 1 << 63 or dims[0] % kind.block:
        raise GgufError(GgufFault.DIMENSIONS, tensor=name[:200], dimensions=list(dims))
    return Tensor(name, dims, kind.name, offset, values // kind.block * kind.block_bytes)


def _check_layout(tensors: tuple[Tensor, ...], alignment: int, data_bytes: int) -> None:
    """Refuse tensors that overlap, leave the file, or lie off the alignment."""
    end = 0
    for tensor in sorted(tensors, key=lambda tensor: tensor.offset):
        stop = tensor.offset + tensor.size_bytes
        if tensor.offset % alignment or tensor.offset < end or stop > data_bytes:
            raise GgufError(
                GgufFault.TENSOR_OFFSET,
                tensor=tensor.name[:200],
                offset=tensor.offset,
                size_bytes=tensor.size_bytes,
                available_bytes=max(data_bytes, 0),
            )
        end = stop


def _padded(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment
