"""Receives uploads for pages and scripts alike: who may, into which folder, how large at most."""

from django.conf import settings
from django.http import HttpRequest

from controlplane.bodies import body_of
from models_app.domain.actors import Actor
from models_app.domain.states import Role
from models_app.domain.uploads import Upload, UploadFolder


def upload_folder() -> UploadFolder:
    """Return where uploads lie."""
    return UploadFolder(settings.PATHS.uploads)


def upload_begin(actor: Actor, size_bytes: int) -> Upload:
    """Return a new upload. Raises TooLargeError UPLOAD_TOO_LARGE, DISK_SPACE."""
    actor.require(Role.OPERATOR)
    limit = settings.ENV.upload_limit_bytes
    return upload_folder().begin(actor.user_id, size_bytes, limit_bytes=limit)


def upload_find(actor: Actor, upload: str) -> Upload:
    """Return one's own upload. Raises NotFoundError UPLOAD_UNKNOWN."""
    actor.require(Role.OPERATOR)
    return upload_folder().find(actor.user_id, upload)


def upload_append(actor: Actor, upload: str, offset: int, request: HttpRequest) -> Upload:
    """Write the request's body where the upload ends. Raises as `UploadFolder.append`."""
    actor.require(Role.OPERATOR)
    return upload_folder().append(actor.user_id, upload, offset, body_of(request))


def upload_cancel(actor: Actor, upload: str) -> None:
    """Forget an upload; one that is not there is forgotten already."""
    actor.require(Role.OPERATOR)
    upload_folder().forget(actor.user_id, upload)
