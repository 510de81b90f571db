"""Refuses addresses of pictures, sounds and files: an engine that fetched them would be a way into
the network it stands in. What is sent along as `data:` is welcome.
"""

from typing import Any

import msgspec

from models_app.domain.errors import InvalidError

_PLACES = ("messages", "input", "prompt", "system", "instructions")
_ADDRESSES = ("image_url", "video_url", "audio_url", "file_url", "url")
_parts = msgspec.json.Decoder(dict[str, Any])


def refuse_remote_media(body: bytes) -> None:
    """Raise InvalidError when a message asks an engine to fetch something.

    A body that spells no "url", not even by escapes, is not looked at further.
    """
    if b"url" not in body and b"\\u00" not in body:
        return
    top = _parts.decode(body)
    waiting: list[Any] = [top[place] for place in _PLACES if place in top]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, dict):
            for name in _ADDRESSES:
                if _is_remote(part.get(name)):
                    raise InvalidError(
                        "REMOTE_MEDIA_REFUSED",
                        params={"field": name},
                        fields={name: "VALUE_INVALID"},
                    )
            waiting.extend(part.values())


def _is_remote(address: object) -> bool:
    return isinstance(address, str) and not address.lstrip().lower().startswith("data:")
