"""How a routed request fails, each way with a stable code that the wording explains.

RoutingError
├── NoReplicaError           503  the deployment has no ready replica; nothing was asked
├── LineFullError            503  every slot is taken, and the line is too long to join
├── LineTimeoutError         503  it waited in line, and no slot came free in time
├── EngineUnreachableError   502  no connection, or closed before the first byte
├── EngineRefusedError       its  the engine answered with an error body of its own
├── EngineMalformedError     502  it answered with what is not its protocol
├── EngineDiedError          502  it ended in the middle of an answer
├── FirstTokenTimeoutError   504  it took the request and no token came in time
└── AnswerStalledError       504  tokens came, then none for too long
"""

from models_app.domain.errors import SlipwayError


class RoutingError(SlipwayError):
    """The root. `retry_elsewhere`: another replica may be asked, if no byte has come yet."""

    status = 502
    default_code = "ROUTING_FAILED"
    retry_elsewhere = False
    counts_against_replica = True
    replica_id: int | None = None  # the row of the replica that was asked, if one was


class NoReplicaError(RoutingError):
    """Params: name, state, failure_code, failure_params, progress."""

    status = 503
    default_code = "NO_READY_REPLICA"
    counts_against_replica = False


class LineFullError(RoutingError):
    """Params: name, position, wait_s."""

    status = 503
    default_code = "LINE_FULL"
    counts_against_replica = False


class LineTimeoutError(RoutingError):
    """Params: name, position, wait_s."""

    status = 503
    default_code = "LINE_TIMEOUT"
    counts_against_replica = False


class EngineUnreachableError(RoutingError):
    """Params: workload, host."""

    default_code = "ENGINE_UNREACHABLE"
    retry_elsewhere = True


class EngineRefusedError(RoutingError):
    """Params: workload, host, engine_status, message (the engine's own words, bounded)."""

    default_code = "ENGINE_REFUSED"
    counts_against_replica = False


class EngineBusyError(EngineRefusedError):
    """It refuses for now (502, 503, 504: loading, overloaded); another replica may not."""

    default_code = "ENGINE_BUSY"
    retry_elsewhere = True
    counts_against_replica = True


class EngineMalformedError(RoutingError):
    """Params: workload, host."""

    default_code = "ENGINE_MALFORMED"


class EngineDiedError(RoutingError):
    """Params: workload, host."""

    default_code = "ENGINE_DIED"


class FirstTokenTimeoutError(RoutingError):
    """Params: workload, host, seconds."""

    status = 504
    default_code = "FIRST_TOKEN_TIMEOUT"


class AnswerStalledError(RoutingError):
    """Params: workload, host, seconds."""

    status = 504
    default_code = "ANSWER_STALLED"
