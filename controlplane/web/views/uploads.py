"""Receives a model file from the browser, piece by piece. Spoken to by static/slipway/upload.js."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_http_methods

from controlplane.uploads import upload_append, upload_begin, upload_cancel
from controlplane.web.pages import actor_of
from controlplane.wording.errors import error_text
from models_app.domain.errors import InvalidError, SlipwayError

_LONGEST = 15  # digits of a size


@require_http_methods(["POST"])
def begin(request: HttpRequest) -> JsonResponse:
    """Begin an upload of `?size=` bytes: `{"upload": id}`."""
    try:
        upload = upload_begin(actor_of(request), _number(request, "size"))
    except SlipwayError as error:
        return _refusal(error)
    return JsonResponse({"upload": upload.id, "offset": 0}, status=201)


@require_http_methods(["PUT", "DELETE"])
def piece(request: HttpRequest, upload: str) -> JsonResponse:
    """PUT the bytes that begin at `?offset=`: `{"offset": next}`. DELETE forgets the upload."""
    actor = actor_of(request)
    try:
        if request.method == "DELETE":
            upload_cancel(actor, upload)
            return JsonResponse({})
        held = upload_append(actor, upload, _number(request, "offset"), request)
    except SlipwayError as error:
        return _refusal(error)
    return JsonResponse({"offset": held.offset})


def _number(request: HttpRequest, key: str) -> int:
    text = request.GET.get(key, "")
    if not text.isascii() or not text.isdecimal() or len(text) > _LONGEST:
        raise InvalidError("VALUE_INVALID", fields={key: "VALUE_INVALID"})
    return int(text)


def _refusal(error: SlipwayError) -> JsonResponse:
    body = {"code": error.code, "detail": error_text(error).sentence, **error.params}
    return JsonResponse(body, status=error.status)
