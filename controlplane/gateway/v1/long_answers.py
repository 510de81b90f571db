"""What a whole answer that is too long to be kept says of its usage, near one of its two ends.

Embeddings of a batch are some hundred KiB. llama.cpp tells their usage before them, Ollama and vLLM
after them; neither is in the middle.
"""

import json
import re
from typing import Any

TAIL_LIMIT = 16 << 10
USAGE_LIMIT = 4096
_USAGE = re.compile(r'(?<!\\)"usage"\s{0,8}:\s{0,8}(?=\{)')  # in a text its quotes come escaped
_decoder = json.JSONDecoder()


def usage_of_ends(head: bytes, tail: bytes) -> dict[str, Any] | None:
    """Return the usage that stands in the last bytes, or else in the first; None without one."""
    text = tail.decode("latin-1")
    last = text.rfind('"usage"')
    return _usage_at(text, max(0, last - 1)) or _usage_at(head.decode("latin-1"), 0)


def _usage_at(text: str, begin: int) -> dict[str, Any] | None:
    found = _USAGE.search(text, begin)
    if found is None:
        return None
    try:
        said, _ = _decoder.raw_decode(text[found.end() : found.end() + USAGE_LIMIT])
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
