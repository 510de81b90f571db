"""The hands' end of the log transport: see `log_keys.py`."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from models_app.domain.specs import LogLine
from models_app.notify import workers
from models_app.notify.log_keys import (
    ALIVE_S,
    CAP,
    LINES_S,
    PREVIOUS_S,
    WIDTH,
    Client,
    broker,
    log_key,
)

STEP_S = 10  # of one step of a follower; a worker that dies in it blocks the next for so long
PAUSE_S = 0.4  # between steps


class Following:
    """One step of following one replica: what is wanted, where we were, and what came."""

    def __init__(self, client: Client, replica_id: int) -> None:
        self._client = client
        self._id = replica_id

    @property
    def is_wanted(self) -> bool:
        """Return whether somebody reads."""
        return bool(self._client.exists(log_key(self._id, "readers")))

    @property
    def wants_previous(self) -> bool:
        """Return whether somebody asks for the run before."""
        return bool(self._client.exists(log_key(self._id, "want_previous")))

    @property
    def after(self) -> int | None:
        """Return the offset of the last line carried; None when the stream is empty."""
        value = self._client.get(log_key(self._id, "after"))
        return None if value is None else int(value)

    def append(self, lines: Sequence[LogLine], *, after: int) -> None:
        """Carry lines; `after` is where the next step goes on. Keeps what is there alive."""
        key = log_key(self._id, "lines")
        number = int(self._client.incrby(log_key(self._id, "n"), len(lines))) - len(lines)
        with self._client.pipeline(transaction=True) as pipe:
            for place, line in enumerate(lines, start=number + 1):
                fields = {"n": place, "o": line.offset, "t": line.text[:WIDTH]}
                pipe.xadd(key, fields, maxlen=CAP, approximate=True)
            pipe.set(log_key(self._id, "after"), after, ex=LINES_S)
            pipe.set(log_key(self._id, "alive"), 1, ex=ALIVE_S)
            pipe.delete(log_key(self._id, "trouble"))
            pipe.expire(key, LINES_S)
            pipe.expire(log_key(self._id, "n"), LINES_S)
            pipe.execute()

    def answer_previous(self, lines: Sequence[LogLine]) -> None:
        """Give the run before to whoever asked for it."""
        text = json.dumps([[line.offset, line.text[:WIDTH]] for line in lines])
        self._client.set(log_key(self._id, "previous"), text, ex=PREVIOUS_S)
        self._client.delete(log_key(self._id, "want_previous"))

    def report(self, trouble: str) -> None:
        """Say why no lines come: a FailureCode."""
        self._client.set(log_key(self._id, "trouble"), trouble, ex=LINES_S)
        self._client.set(log_key(self._id, "alive"), 1, ex=ALIVE_S)


@contextmanager
def following(replica_id: int) -> Iterator[Following | None]:
    """Give the step to take, None when it is not ours: nobody reads, or another worker is at it.

    Afterwards, if somebody still reads, the next step is asked for. Stray messages that come in the
    pause find the key and do nothing, so one chain of steps runs whatever the number of readers.
    """
    with broker() as client:
        step = Following(client, replica_id)
        key = log_key(replica_id, "follower")
        if not step.is_wanted or not client.set(key, 1, nx=True, ex=STEP_S):
            yield None
            return
        yield step
        client.set(key, 1, px=int(PAUSE_S * 1000))
    workers.send_later(workers.FOLLOW_LOGS, replica_id, PAUSE_S + 0.05)
