"""Twice the load that a deployment can bear: `python -m benchmarks.overload [--seconds 20]`.

A whole Slipway with one fake engine of eight slots. First as many requests as it has slots, one
after the other: the most it can do. Then twice that many a second, whether answered or not.

Promises: at least 80 % of the most is still done; who is refused hears so within 100 ms (p99), with
Retry-After; the health page answers within 200 ms (p99); a request alone is answered within 10 s of
the end.
"""

import argparse
import asyncio
import re
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx

from benchmarks.figures import machine, share
from tests.flows.house import House, wait_for

SLOTS = 8
WISH = {"model": "bench", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 16}
ROWS = """
from models_app.domain.actors import SYSTEM, Actor
from models_app.domain.states import Role
from models_app.models import Artifact, User
from models_app.services.deployments import deployment_create
from models_app.services.gateway_keys import KeyScope, gateway_key_create
deployment_create(SYSTEM, name="bench", engine="fake", artifact=Artifact.objects.first(),
                  parameters={"parallel_sequences": 8, "tokens_per_s": 40.0})
admin = User.objects.get(role=Role.ADMIN)
none = {"requests_per_minute": None, "tokens_per_minute": None, "concurrent_requests": None}
print("KEY", gateway_key_create(Actor(admin.pk, admin.name, Role.ADMIN, "command"), name="bench",
                                scope=KeyScope(every_model=True), limits=none)[1])
"""


class Book:
    """What was answered, how, and after how long."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.refused_ms: list[float] = []
        self.untimed = 0  # refusals without Retry-After
        self.health_ms: list[float] = []

    def note(self, response: httpx.Response, took_s: float) -> None:
        """Take an answer in."""
        self.statuses[response.status_code] += 1
        if (
            response.status_code in (429, 503)
            and response.json()["error"]["code"] != "line_timeout"
        ):
            self.refused_ms.append(took_s * 1000)
            self.untimed += "retry-after" not in response.headers


async def ask(client: httpx.AsyncClient, book: Book) -> None:
    """Ask once."""
    began = time.monotonic()
    response = await client.post("/v1/chat/completions", json=WISH)
    book.note(response, time.monotonic() - began)


async def at_most(client: httpx.AsyncClient, seconds: float) -> float:
    """Return how many requests a second it answers when all slots are always busy."""
    book, until = Book(), time.monotonic() + seconds

    async def one_slot() -> None:
        while time.monotonic() < until:
            await ask(client, book)

    began = time.monotonic()
    await asyncio.gather(*(one_slot() for _ in range(SLOTS)))
    return book.statuses[200] / (time.monotonic() - began)


async def at_rate(client: httpx.AsyncClient, rate: float, seconds: float) -> Book:
    """Ask so many times a second, answered or not, and look at the health page meanwhile."""
    book, tasks = Book(), set()
    began = time.monotonic()
    looking = asyncio.create_task(_look(client, book))
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        tasks.add(asyncio.create_task(ask(client, book)))
    done_in_time = Counter(book.statuses)
    looking.cancel()
    await asyncio.gather(*tasks)
    book.statuses = done_in_time
    return book


async def _look(client: httpx.AsyncClient, book: Book) -> None:
    while True:
        began = time.monotonic()
        await client.get("/healthz")
        book.health_ms.append((time.monotonic() - began) * 1000)
        await asyncio.sleep(0.25)


async def measure(url: str, key: str, seconds: float) -> bool:
    """Measure, print, and return whether everything promised was kept."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=200)
    async with httpx.AsyncClient(
        base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=120, limits=limits
    ) as client:
        most = await at_most(client, seconds / 2)
        book = await at_rate(client, 2 * most, seconds)
        began = time.monotonic()
        await ask(client, Book())
        recovered = time.monotonic() - began
    done = book.statuses[200] / seconds
    refused, health = share(book.refused_ms, 0.99), share(book.health_ms, 0.99)
    print(f"at most {most:.1f} answers/s; asked {2 * most:.1f}/s for {seconds:.0f} s")
    print(f"answered {done:.1f}/s: {100 * done / most:.0f} % of the most (promise: 80 %)")
    print(f"statuses {dict(book.statuses)}; refusals without Retry-After: {book.untimed}")
    print(f"refused within {share(book.refused_ms, 0.5):.0f} / {refused:.0f} ms p50 / p99 (100)")
    print(f"health page {health:.0f} ms p99 (200); alone again: {recovered:.1f} s (10)")
    return (
        done >= 0.8 * most
        and refused <= 100
        and health <= 200
        and recovered <= 10
        and not book.untimed
    )


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds = parser.parse_args().seconds
    machine()
    with (
        tempfile.TemporaryDirectory(prefix="slipway-overload-") as folder,
        House(Path(folder) / "data", SLIPWAY_DEMO="1") as house,
    ):
        house.start_and_wait()
        wait_for(lambda: _has_model(house), 120)
        key = re.search(r"KEY (\S+)", house.manage("shell", "-c", ROWS))
        assert key
        wait_for(lambda: _answers(house.url, key[1]), 60)
        is_kept = asyncio.run(measure(house.url, key[1], seconds))
    print("kept" if is_kept else "MISSED")


def _has_model(house: House) -> bool:
    code = "from models_app.models import Artifact; print('N', Artifact.objects.count())"
    return "N 0" not in house.manage("shell", "-c", code)


def _answers(url: str, key: str) -> bool:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(f"{url}/v1/chat/completions", json=WISH, headers=headers).status_code == 200


if __name__ == "__main__":
    main()
