"""What a person would read of a request and its answer: text, out of the bytes of any protocol.

Used only for what an admin had captured; nothing of a request is read this way otherwise.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

TEXT_LIMIT = 16_384  # characters that are kept of each
ROOM = 65_536  # bytes that are held of each until then
_CUT = " […]"


def question_text(body: bytes) -> str:
    """Return the messages, prompt or input of a request, a paragraph each."""
    asked = _loaded(body)
    if not isinstance(asked, dict):
        return _bounded(body.decode("utf-8", "replace"))
    said = [("", asked.get(name)) for name in ("system", "instructions", "prompt", "input")]
    said += [(str(one.get("role", "")), one.get("content")) for one in _maps(asked, "messages")]
    parts = [f"{role}: {text}" if role else text for role, what in said if (text := _words(what))]
    return _bounded("\n\n".join(parts))


def answer_text(content: bytes) -> str:
    """Return what an engine said, streamed or whole."""
    whole = _loaded(content)
    if _is_map(whole):
        return _bounded("".join(_said(whole)))
    text = content.decode("utf-8", "replace")
    events = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    if not events:
        return _bounded(text)
    return _bounded("".join(piece for event in events for piece in _said(_loaded(event.encode()))))


def _said(message: Any) -> Iterator[str]:
    """Yield the pieces of text in one message of OpenAI's, Anthropic's or Ollama's protocol."""
    if not _is_map(message):
        return
    for choice in _maps(message, "choices"):
        holder: Any = choice.get("delta") or choice.get("message") or choice
        if _is_map(holder):
            yield _words(holder.get("content") or holder.get("text"))
            yield from _calls(holder)
    delta = message.get("delta")
    yield delta if isinstance(delta, str) else _words(delta)
    yield _words(message.get("content"))
    for item in _maps(message, "output"):
        yield _words(item.get("content"))


def _calls(holder: Mapping[str, Any]) -> Iterator[str]:
    for call in _maps(holder, "tool_calls"):
        function: Any = call.get("function")
        if _is_map(function):
            yield f"{function.get('name') or ''}{function.get('arguments') or ''}"


def _words(value: Any) -> str:
    """Return the text in a value: a string, a part with text, or a list of them."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(filter(None, map(_words, value)))
    if _is_map(value):
        return _words(value.get("text") or value.get("content"))
    return ""


def _loaded(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _is_map(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _maps(holder: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = holder.get(name)
    return [one for one in found if _is_map(one)] if isinstance(found, list) else []


def _bounded(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()  # JSON can name halves of characters
    return text if len(text) <= TEXT_LIMIT else text[:TEXT_LIMIT] + _CUT
