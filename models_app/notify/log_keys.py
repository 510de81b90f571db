"""What both ends of the log transport share: keys of the broker, limits, and how it is reached.

Lines travel through a capped stream of the broker. Nobody reads: nothing is carried. A reader
announces itself and goes on doing so (`logs.py`); the hands follow the replica's output as long as
somebody does (`log_following.py`), one follower per replica however many read. Lines live for a
minute after the last of them; the files on the host are what stays.

Every line has a number, so that a reader too slow for the stream's cap knows how many it missed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from django.conf import settings

from models_app.domain.errors import UnavailableError

CAP = 1500  # lines kept for readers that come later, or are slow
WIDTH = 2000  # characters of one line: the embedded broker has 64 MiB for everything
READER_S = 15  # an announcement lasts so long
LINES_S = 60
ALIVE_S = 3  # after a step, the follower is believed to be at work
PREVIOUS_S = 10
CALL_S = 3.0  # for one call to the broker

Client = Any  # redis-py types every answer as all that any protocol may give


def log_key(replica_id: int, name: str) -> str:
    """Return the broker's key of this replica (row id) and this part of the transport."""
    return f"slipway:logs:{replica_id}:{name}"


def connection_options() -> dict[str, Any]:
    """Return how both ends connect: text, one protocol, and no call without an end."""
    return {
        "url": settings.BROKER_URL,
        "decode_responses": True,
        "protocol": 2,
        "socket_timeout": CALL_S,
        "socket_connect_timeout": CALL_S,
    }


@contextmanager
def broker() -> Iterator[Client]:
    """Give the broker for a few calls. Raises UnavailableError LOGS_UNAVAILABLE."""
    client = redis.Redis.from_url(**connection_options())
    try:
        yield client
    except redis.RedisError as error:
        raise UnavailableError("LOGS_UNAVAILABLE") from error
    finally:
        client.close()
