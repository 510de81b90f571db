"""Ollama's words for a request and its answer, from and to those of OpenAI. Pure.

Tools that only speak Ollama meet every engine through these: a chat or a completion goes to the
engine as OpenAI's, and comes back as Ollama's lines of JSON.
"""

import json
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC
from typing import Any

from django.utils import timezone

from models_app.domain.errors import InvalidError

VERSION = "0.17.4"  # of the API that is spoken, for clients that ask
# Ollama's option -> OpenAI's field, or llama.cpp's where OpenAI has none
_OPTIONS = {
    "num_predict": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "seed": "seed",
    "stop": "stop",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "repeat_penalty": "repeat_penalty",
}
_PNG, _JPEG = "iVBOR", "/9j/"


def chat_body(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return `/api/chat` as a chat completion. Raises InvalidError."""
    messages = asked.get("messages")
    if not isinstance(messages, list):
        raise _invalid("messages", "a list is expected")
    body = _common(asked)
    body["messages"] = _messages(messages)
    if asked.get("tools"):
        body["tools"] = asked["tools"]
    return body


def generate_body(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return `/api/generate` as a chat completion: the model's own template is applied. Raises."""
    prompt, system = asked.get("prompt") or "", asked.get("system")
    if not isinstance(prompt, str):
        raise _invalid("prompt", "a text is expected")
    told = [{"role": "system", "content": system}] if isinstance(system, str) and system else []
    question = {"role": "user", "content": prompt, "images": asked.get("images")}
    return _common(asked) | {"messages": [*told, _message(question)]}


def embed_body(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return `/api/embed` as a request for embeddings."""
    return {"model": _model(asked), "input": asked.get("input", "")}


def answer_line(
    model: str, kind: str, *, text: str, thinking: str = "", calls: list[Any] | None = None
) -> dict[str, Any]:
    """Return one piece of an answer. `kind`: chat or generate."""
    line: dict[str, Any] = {"model": model, "created_at": _now(), "done": False}
    if kind == "generate":
        return line | {"response": text} | ({"thinking": thinking} if thinking else {})
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if thinking:
        message["thinking"] = thinking
    if calls:
        message["tool_calls"] = [_call(one) for one in calls]
    return line | {"message": message}


def last_line(
    line: Mapping[str, Any], *, reason: str, usage: Mapping[str, Any], total_s: float
) -> dict[str, Any]:
    """Return the line that ends an answer: why it ended, and what it took."""
    return {
        **line,
        "done": True,
        "done_reason": {"tool_calls": "stop"}.get(reason, reason or "stop"),
        "total_duration": int(total_s * 1e9),
        "load_duration": 0,
        "prompt_eval_count": usage.get("prompt_tokens") or 0,
        "eval_count": usage.get("completion_tokens") or 0,
    }


def embed_answer(model: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return embeddings as `/api/embed` does."""
    vectors = [one["embedding"] for one in said.get("data") or ()]
    usage = said.get("usage") or {}
    count = usage.get("prompt_tokens") or 0
    return {"model": model, "embeddings": vectors, "prompt_eval_count": count}


def tag(name: str, title: str, engine: str) -> dict[str, Any]:
    """Return a model as `/api/tags` lists it."""
    return {
        "name": name,
        "model": name,
        "modified_at": _now(),
        "size": 0,
        "digest": "",
        "details": details(title, engine),
    }


def details(title: str, engine: str) -> dict[str, Any]:
    """Return what is told of a model."""
    return {
        "parent_model": "",
        "format": "gguf",
        "family": title,
        "families": [title],
        "parameter_size": "",
        "quantization_level": "",
        "engine": engine,
    }


def _common(asked: Mapping[str, Any]) -> dict[str, Any]:
    options = asked.get("options") or {}
    if not isinstance(options, dict):
        raise _invalid("options", "an object is expected")
    body: dict[str, Any] = {"model": _model(asked), "stream": asked.get("stream") is not False}
    for name, value in options.items():
        if name in _OPTIONS and value is not None and not (name == "num_predict" and value == -1):
            body[_OPTIONS[name]] = value
    wanted = asked.get("format")
    if wanted == "json":
        body["response_format"] = {"type": "json_object"}
    elif isinstance(wanted, dict):
        schema = {"name": "answer", "strict": True, "schema": wanted}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def _model(asked: Mapping[str, Any]) -> str:
    """Return the model's name; Ollama's clients put `:latest` behind it."""
    model = asked.get("model") or asked.get("name")
    if not isinstance(model, str):
        raise _invalid("model", "a text is expected")
    return model.removesuffix(":latest")


def _messages(asked: list[Any]) -> list[dict[str, Any]]:
    """Return all, with ids for calls and their answers: Ollama tells those apart by their order."""
    found = [_message(one) for one in asked]
    waiting: deque[str] = deque()
    called = 0
    for message in found:
        for call in message.get("tool_calls", ()):
            call["id"] = call["id"] or f"call_{called}"
            called += 1
            waiting.append(call["id"])
        if message["role"] != "tool":
            continue
        if "tool_call_id" not in message:
            message["tool_call_id"] = waiting[0] if waiting else f"call_{called}"
        with suppress(ValueError):
            waiting.remove(message["tool_call_id"])
    return found


def _message(asked: Any) -> dict[str, Any]:
    if not isinstance(asked, dict):
        raise _invalid("messages", "objects are expected")
    message = {"role": asked.get("role", "user"), "content": asked.get("content") or ""}
    images = asked.get("images")
    if isinstance(images, list) and images:
        parts = [{"type": "text", "text": message["content"]}] if message["content"] else []
        message["content"] = [*parts, *(_image(one) for one in images)]
    if isinstance(asked.get("tool_calls"), list):
        message["tool_calls"] = [_openais_call(one) for one in asked["tool_calls"]]
    if asked.get("role") == "tool" and asked.get("tool_call_id"):
        message["tool_call_id"] = str(asked["tool_call_id"])
    return message


def _image(data: Any) -> dict[str, Any]:
    if not isinstance(data, str):
        raise _invalid("images", "texts in base64 are expected")
    kind = "png" if data.startswith(_PNG) else "jpeg" if data.startswith(_JPEG) else "webp"
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{data}"}}


def _openais_call(call: Any) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise _invalid("tool_calls", "objects are expected")
    arguments = json.dumps(function.get("arguments") or {})
    named = {"name": function.get("name"), "arguments": arguments}
    return {"id": str(call.get("id") or ""), "type": "function", "function": named}


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call.get("function") or {}
    try:
        arguments = json.loads(function.get("arguments") or "{}")
    except ValueError:
        arguments = {}
    return {"function": {"name": function.get("name") or "", "arguments": arguments}}


def _now() -> str:
    return timezone.now().astimezone(UTC).isoformat().replace("+00:00", "Z")


def _invalid(field: str, detail: str) -> InvalidError:
    return InvalidError(
        "BODY_FIELD_INVALID",
        params={"field": field, "detail": detail},
        fields={field: "VALUE_INVALID"},
    )
