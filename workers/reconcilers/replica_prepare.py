"""Takes the steps that a running workload needs before it can serve: a model made, a model loaded.

The steps are data of the engine's. Each is one request that may take minutes; a thread holds it and
each look of the reconciler asks how it goes. They are safe to repeat, so another process that takes
the replica over simply begins again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models_app.domain.specs import ProbeSpec
from models_app.models import Replica
from workers.clients.engine_http import Answer, Entry, Health, ask_at_length
from workers.clients.held_requests import Held, hold, let_go


@dataclass(frozen=True, slots=True)
class Prepared:
    """How far the steps are. `answer` tells what the engine said when one failed."""

    done: bool
    answer: Answer | None = None


def prepare(
    replica: Replica,
    probe: ProbeSpec,
    address: str,
    served_as: str,
    entry: Entry | None = None,
) -> Prepared:
    """Carry the steps on; return at once."""
    if not probe.prepare:
        return Prepared(done=True)
    key = key_of(replica)

    def work(_held: Held) -> Answer:
        answer = Answer(Health.OK)
        for step in probe.prepare:
            answer = ask_at_length(address, step.path, filled(step.body, served_as), entry)
            if answer.health != Health.OK:
                break
        return answer

    held = hold(key, work)
    if not held.wait(0):
        return Prepared(done=False)
    let_go(key)
    answer: Answer = held.outcome()
    if answer.health != Health.OK:
        return Prepared(done=False, answer=answer)
    return Prepared(done=True)


def key_of(replica: Replica) -> str:
    """Return what this replica's steps are held under: a new start begins anew."""
    return f"prepare {replica.public_id} {replica.external_id} {replica.restarts}"


def filled(body: Mapping[str, Any], served_as: str) -> dict[str, Any]:
    """Return a request's body with the model's name on that server put in."""
    return {key: served_as if value == "{served_as}" else value for key, value in body.items()}
