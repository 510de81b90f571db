"""Runs ledger calls of async code on a few threads of their own.

Channels and Django send all sync calls outside a request to one thread; a slow read of one socket
would stop every other. These threads are shared by the sockets and the routing core, and bounded,
so that a storm of reconnecting browsers queues here and not on the database.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from channels.db import DatabaseSyncToAsync

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 6
_executor = ThreadPoolExecutor(THREADS, thread_name_prefix="ledger")


async def offload(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return `call(...)`, run on a ledger thread with its own database connection."""
    run = DatabaseSyncToAsync(call, thread_sensitive=False, executor=_executor)
    result: T = await run(*args, **kwargs)
    return result
