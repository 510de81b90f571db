"""Heads of answers on the wire, put together once where they come again and again."""

import uuid
from http import HTTPStatus

from controlplane.gateway.v1.call import Headers

_STATUS_LINES = {
    status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode())
    for status in HTTPStatus
}
NO_SNIFFING = (b"x-content-type-options", b"nosniff")
DEPLOYMENT_HEADER = b"x-slipway-deployment"


def lines_of(status: int, headers: Headers) -> bytes:
    """Return the status line and the lines of the headers, without the empty line at the end."""
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"".join((_STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status, *lines))


class AnswerHeads:
    """The heads of whole answers; the server's own headers carry the time and change by seconds."""

    def __init__(self) -> None:
        self._servers: Headers = []
        self._known: dict[tuple[int, str, str], bytes] = {}

    def head(
        self,
        servers: Headers,
        status: int,
        deployment: str,
        content_type: str,
        length: int,
        request_id: uuid.UUID,
    ) -> bytes:
        """Return a whole head. `servers`: the headers of every answer of the server."""
        if servers is not self._servers:
            self._servers = servers
            self._known.clear()
        known = self._known.get((status, deployment, content_type))
        if known is None:
            own = (DEPLOYMENT_HEADER, deployment.encode()), NO_SNIFFING
            said = (b"content-type", content_type.encode("latin-1"))
            known = lines_of(status, [*servers, *own, said])
            self._known[status, deployment, content_type] = known
        return b"%bcontent-length: %d\r\nx-request-id: %b\r\n" % (
            known,
            length,
            str(request_id).encode(),
        )
