"""Tries a connection for somebody who waits at a form: what is there, or what is wrong."""

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from typing import Any

from models_app.domain.connections import connection_warnings, parse_connection, reachable_at
from models_app.domain.failures import (
    FailureCode,
    FailureError,
    RuntimeUnreachableError,
    fail,
)
from models_app.domain.identities import check_identity, fingerprint
from models_app.models import Operation
from models_app.selectors.hosts import host_of_engine
from models_app.services.leases import Lease
from models_app.services.sealing import unseal
from workers.reconcilers.runtimes import open_reached
from workers.runtimes.base import Advises, LeavesThings, Runtime

log = logging.getLogger(__name__)


class CheckConnectionWork:
    """See `Work`."""

    pause_s = 0.0

    def step(self, operation: Operation, lease: Lease[Operation]) -> Mapping[str, Any] | None:
        """Connect once. No answer is an answer here: it fails with the code that says how."""
        del lease
        asked = operation.parameters
        connection = parse_connection(asked["runtime"], asked["connection"])
        where = str(connection.target or "")
        secret = unseal(operation, "secret")
        try:
            addresses = reachable_at(connection)
            with open_reached(
                asked["runtime"],
                connection=asked["connection"],
                secret=secret,
                identity=asked["identity"],
            ) as runtime:
                with _visiting(runtime):
                    facts, usage = runtime.facts(), runtime.usage()
                tried = runtime.advice() if isinstance(runtime, Advises) else ()
        except RuntimeUnreachableError as error:
            raise FailureError(error.failure(**_told(error, where))) from error
        except FailureError:
            raise
        except Exception as error:  # whoever waits is told; nothing would come of trying again
            log.exception("testing the connection to %s", where or asked["runtime"])
            raise fail(FailureCode.INTERNAL, reason=type(error).__name__) from error
        check_identity(asked["identity"], facts.identity)
        other = host_of_engine(facts.engine_id, besides=operation.host_id or 0)
        if other is not None:
            raise fail(FailureCode.HOST_TWICE, host=other.name)
        advice = connection_warnings(connection, addresses, has_secret=bool(secret))
        warnings = (*facts.warnings, *tried, *advice)
        return {
            "facts": asdict(facts),
            "usage": asdict(usage),
            "identity": dict(facts.identity),
            "fingerprint": fingerprint(facts.identity),
            "warnings": list(dict.fromkeys(warnings)),
        }

    def clean_up(self, operation: Operation) -> None:
        """The step took away what it made; an image that it fetched stays the engine's."""


def _visiting(runtime: Runtime) -> AbstractContextManager[None]:
    """Return a visit that leaves a machine as it was: nobody has added it yet."""
    return runtime.visiting() if isinstance(runtime, LeavesThings) else nullcontext()


def _told(error: RuntimeUnreachableError, where: str) -> dict[str, str]:
    told = {} if "address" in error.params or not where else {"address": where}
    return told | ({} if "host" in error.params or not where else {"host": where})
