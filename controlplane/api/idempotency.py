"""`Idempotency-Key` on POST: the first answer is stored with the work, and sent again as it was."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from models_app.domain.actors import Actor
from models_app.domain.errors import ConflictError
from models_app.services.idempotency import StoredAnswer, idempotency_begin, idempotency_finish

V = TypeVar("V", bound=Callable[..., Any])

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
FIRST_ERROR = 400


def shows_secret(view: V) -> V:
    """Mark an operation whose answer holds a secret: it is never stored, so never sent again."""
    view.shows_secret = True  # type: ignore[attr-defined]
    return view


def run_once(
    request: HttpRequest, actor: Actor, work: Callable[[], HttpResponse], *, is_secret: bool
) -> HttpResponse:
    """Do the work in one transaction with its key, or send the answer it had. Raises SlipwayError.

    An answer that is an error undoes the key with the work, so that it can be tried again.
    """
    key = request.headers[HEADER]
    with transaction.atomic():
        stored = idempotency_begin(actor, key=key, request_hash=_digest(request))
        if stored is not None:
            return _again(stored)
        response = work()
        if response.status_code >= FIRST_ERROR:
            transaction.set_rollback(True)
            return response
        kept = {"location": response.get("Location", ""), "content": response.content.decode()}
        body = None if is_secret else json.dumps(kept)
        idempotency_finish(actor, key=key, status=response.status_code, body=body)
        return response


def _digest(request: HttpRequest) -> str:
    head = f"{request.method} {request.get_full_path()}\n".encode()
    return hashlib.sha256(head + request.body).hexdigest()


def _again(stored: StoredAnswer) -> HttpResponse:
    if stored.body is None:
        raise ConflictError("SECRET_SHOWN_ONCE")
    kept = json.loads(stored.body)
    response = HttpResponse(
        kept["content"], status=stored.status, content_type="application/json; charset=utf-8"
    )
    response[REPLAYED] = "true"
    if kept["location"]:
        response["Location"] = kept["location"]
    return response
