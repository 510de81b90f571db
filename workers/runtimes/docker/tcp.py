"""TCP to a host: its address is resolved and judged once, and that very address is connected to."""

import socket

from models_app.domain.connections import DockerConnection, reachable_at
from models_app.domain.failures import FailureCode, RuntimeUnreachableError, fail
from workers.runtimes.docker.errors import of_socket

CONNECT_S = 3.0  # to reach a machine at all; an answer may take longer


def connect_tcp(connection: DockerConnection, seconds: float) -> socket.socket:
    """Return a connection to the first of the host's addresses that answers."""
    target = connection.target
    if target is None:
        raise fail(FailureCode.HOST_REFUSED, reason="no address")
    last: Exception = RuntimeUnreachableError(str(target), FailureCode.NAME_UNRESOLVED)
    for address in reachable_at(connection):
        try:
            made = socket.create_connection((address, target.port), timeout=min(seconds, CONNECT_S))
            made.settimeout(seconds)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            last = of_socket(error)
        else:
            return made
    raise last
