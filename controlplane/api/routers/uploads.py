"""Uploads: model files on their way in, of any size, in one piece or in many."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema, Status
from pydantic import StrictInt

from controlplane.api.authentication import actor_of
from controlplane.api.schemas import LARGEST_INT, In, Out
from controlplane.uploads import upload_append, upload_begin, upload_cancel, upload_find
from models_app.domain.uploads import Upload

router = Router(tags=["models"])

_BYTES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class UploadIn(In):
    """A file that is to come."""

    size_bytes: StrictInt = Field(ge=1, le=LARGEST_INT, description="Of the whole file.")


class UploadOut(Out):
    """How far it has come. Name its `id` in an import: `{"upload": id, "file_name": "a.gguf"}`."""

    id: str
    size_bytes: int
    offset: int = Field(description="Bytes that are here: where the next piece begins.")
    is_whole: bool


class OffsetQuery(Schema):
    """Where a piece belongs."""

    offset: int = Field(0, ge=0, le=LARGEST_INT, description="Where the file here ends.")


@router.post("", response={201: UploadOut}, summary="Begin an upload")
def begin_upload(request: HttpRequest, payload: UploadIn, response: HttpResponse) -> Status[Upload]:
    """Announce a file by its size; then PUT its bytes to the address in `Location`."""
    found = upload_begin(actor_of(request), payload.size_bytes)
    response["Location"] = f"{request.path}/{found.id}"
    return Status(201, found)


@router.get("/{upload}", response=UploadOut, summary="Read an upload")
def read_upload(request: HttpRequest, upload: str) -> Upload:
    """Return how far one of your uploads has come: after a broken line, go on at its `offset`."""
    return upload_find(actor_of(request), upload)


@router.put("/{upload}", response=UploadOut, summary="Send bytes", openapi_extra=_BYTES)
def send_upload(request: HttpRequest, upload: str, query: Query[OffsetQuery]) -> Upload:
    """Append the body to the file, which must end at `offset`.

    Send it whole, or in pieces of any size. What has arrived stays when the line breaks; an upload
    without a byte for a day is forgotten.
    """
    return upload_append(actor_of(request), upload, query.offset, request)


@router.delete("/{upload}", response={204: None}, summary="Cancel an upload")
def cancel_upload(request: HttpRequest, upload: str) -> Status[None]:
    """Forget an upload and what has come of it."""
    actor = actor_of(request)
    upload_cancel(actor, upload_find(actor, upload).id)
    return Status(204, None)
