"""The pages of an OpenAI server, as llama.cpp answers them."""

import os
import random
import time
from collections.abc import Mapping
from typing import Any

from workers.engines.fake.answers import count_tokens
from workers.engines.fake.behaviour import Behaviour
from workers.engines.fake.connection import Connection, RefusedError, Request
from workers.engines.fake.counters import Counters
from workers.engines.fake.generation import Job, Progress, generate, read_job

EMBEDDING_SIZE = 64
PAGES = {
    "/health": "GET", "/v1/models": "GET", "/metrics": "GET", "/slots": "GET",
    "/v1/chat/completions": "POST", "/v1/completions": "POST", "/v1/embeddings": "POST",
}  # fmt: skip


class Service:
    """What the pages need; `ready` turns true once the start is over."""

    def __init__(
        self, *, alias: str, context: int, behaviour: Behaviour, counters: Counters
    ) -> None:
        self.alias = alias
        self.context = context
        self.behaviour = behaviour
        self.counters = counters
        self.ready = False
        self.ballast = b""  # memory that a test asked it to hold

    def answer(self, request: Request, connection: Connection) -> None:
        """Answer one request. Raises RefusedError, ClientGoneError."""
        method = PAGES.get(request.path)
        if method is None:
            raise RefusedError(404, "not_found_error", "File Not Found")
        if method != request.method:
            raise RefusedError(405, "invalid_request_error", f"{method} is expected")
        if not self.ready:
            raise RefusedError(503, "unavailable_error", "Loading model")
        if method == "POST":
            self._post(request, connection)
        elif request.path == "/metrics":
            page = self.counters.page().encode()
            connection.send(200, page, "text/plain; version=0.0.4")
        else:
            connection.send_json(200, self._get(request.path))

    def _get(self, path: str) -> Any:
        if path == "/health":
            return {"status": "ok"}
        if path == "/slots":
            return self.counters.slots()
        meta = {"n_ctx": self.context, "n_ctx_train": self.context}
        model = {"id": self.alias, "object": "model", "owned_by": "slipway-fake", "meta": meta}
        return {"object": "list", "data": [model]}

    def _post(self, request: Request, connection: Connection) -> None:
        body = request.json()
        if request.path == "/v1/embeddings":
            connection.send_json(200, self._embeddings(body))
            return
        chat = request.path == "/v1/chat/completions"
        prompt = _chat_prompt(body) if chat else _text_prompt(body)
        job = read_job(body, prompt, self.behaviour, self.context)
        shape = _Shape(chat=chat, model=self.alias)
        with self.counters.slot(connection.wait):
            progress = Progress(lambda: self.counters.add("tokens_predicted_total", 1))
            try:
                if body.get("stream") is True:
                    _stream(job, shape, connection, progress, usage=_wants_usage(body))
                else:
                    text = "".join(generate(job, connection.wait, progress))
                    connection.send_json(200, shape.whole(text, job, progress))
            finally:
                self._count(job, progress)

    def _count(self, job: Job, progress: Progress) -> None:
        self.counters.add("prompt_tokens_total", job.prompt_tokens)
        self.counters.add("prompt_seconds_total", progress.prompt_s)
        self.counters.add("tokens_predicted_seconds_total", progress.seconds)

    def _embeddings(self, body: Mapping[str, Any]) -> dict[str, Any]:
        texts = body.get("input")
        texts = [texts] if isinstance(texts, str) else texts
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise RefusedError(400, "invalid_request_error", "input: strings are expected")
        tokens = sum(map(count_tokens, texts))
        self.counters.add("prompt_tokens_total", tokens)
        return {
            "object": "list",
            "model": self.alias,
            "data": [
                {"object": "embedding", "index": index, "embedding": _embedding(text)}
                for index, text in enumerate(texts)
            ],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }


class _Shape:
    """The two dialects of an answer: chat and plain completion."""

    def __init__(self, *, chat: bool, model: str) -> None:
        self.chat = chat
        self._object = "chat.completion" if chat else "text_completion"
        self._head = {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{os.urandom(12).hex()}",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": "slipway-fake",
        }

    def chunk(self, text: str | None, finish: str | None = None) -> dict[str, Any]:
        """Return one event; `text` None: the opening of a chat's answer, or its end."""
        if self.chat:
            opening = {"role": "assistant", "content": None} if finish is None else {}
            choice: dict[str, Any] = {"delta": opening if text is None else {"content": text}}
        else:
            choice = {"text": text or "", "logprobs": None}
        choice |= {"index": 0, "finish_reason": finish}
        name = self._object + (".chunk" if self.chat else "")
        return {**self._head, "object": name, "choices": [choice]}

    def whole(self, text: str, job: Job, progress: Progress) -> dict[str, Any]:
        """Return the answer in one piece."""
        part: dict[str, Any] = {"text": text, "logprobs": None}
        if self.chat:
            part = {"message": {"role": "assistant", "content": text}}
        choice = {"index": 0, "finish_reason": progress.finish, **part}
        figures = _figures(job, progress)
        return {**self._head, "object": self._object, "choices": [choice], **figures}

    def last(self, job: Job, progress: Progress) -> dict[str, Any]:
        """Return the event that carries the figures."""
        return {**self.chunk(None), "choices": [], **_figures(job, progress)}


def _stream(
    job: Job,
    shape: _Shape,
    connection: Connection,
    progress: Progress,
    *,
    usage: bool,
) -> None:
    connection.begin_stream()
    if shape.chat:
        connection.send_event(shape.chunk(None))
    for piece in generate(job, connection.wait, progress):
        connection.send_event(shape.chunk(piece))
    connection.send_event(shape.chunk(None, progress.finish))
    if usage:
        connection.send_event(shape.last(job, progress))
    connection.send_event("[DONE]")
    connection.end_stream()


def _figures(job: Job, progress: Progress) -> dict[str, Any]:
    rate = progress.tokens / progress.seconds if progress.seconds > 0 else 0.0
    return {
        "usage": {
            "prompt_tokens": job.prompt_tokens,
            "completion_tokens": progress.tokens,
            "total_tokens": job.prompt_tokens + progress.tokens,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
        "timings": {
            "prompt_n": job.prompt_tokens,
            "prompt_ms": round(1000 * progress.prompt_s, 3),
            "predicted_n": progress.tokens,
            "predicted_ms": round(1000 * progress.seconds, 3),
            "predicted_per_second": round(rate, 3),
        },
    }


def _wants_usage(body: Mapping[str, Any]) -> bool:
    options = body.get("stream_options")
    return isinstance(options, Mapping) and options.get("include_usage") is True


def _chat_prompt(body: Mapping[str, Any]) -> str:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RefusedError(400, "invalid_request_error", "'messages' is required")
    if not all(isinstance(message, Mapping) for message in messages):
        raise RefusedError(400, "invalid_request_error", "messages: objects are expected")
    return "\n".join(f"{one.get('role', '')}: {one.get('content') or ''}" for one in messages)


def _text_prompt(body: Mapping[str, Any]) -> str:
    prompt = body.get("prompt")
    if not isinstance(prompt, str):
        raise RefusedError(400, "invalid_request_error", "'prompt' is required")
    return prompt


def _embedding(text: str) -> list[float]:
    """Return a unit vector that depends on the text alone."""
    dice = random.Random(text)  # noqa: S311 - plausible figures, not a secret
    raw = [dice.gauss(0, 1) for _ in range(EMBEDDING_SIZE)]
    length = sum(value * value for value in raw) ** 0.5
    return [value / length for value in raw]
