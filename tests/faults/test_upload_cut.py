"""The front door dies while a file comes in: what arrived is kept, the rest is sent, nothing stays.

What the sender was told, and what the disk holds, are compared byte by byte.
"""

import hashlib
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from models_app.domain.uploads import UploadFolder
from tests.faults.dice import ROUNDS, Dice
from tests.faults.house import PROMISE_S, HurtHouse
from tests.faults.test_web_killed import Door, kill_within
from tests.flows.house import UP_S
from tests.gguf_files import TINY_METADATA, gguf_bytes

pytestmark = [pytest.mark.slow, pytest.mark.faults]

KILLS = 3
SIZE = 24 << 20
CHUNK = 256 << 10
CHUNK_EVERY_S = 0.02  # two seconds for all of it: a kill within one falls into the middle
LONGEST_S = 1.0


def slowly(content: bytes) -> Iterator[bytes]:
    for begin in range(0, len(content), CHUNK):
        yield content[begin : begin + CHUNK]
        time.sleep(CHUNK_EVERY_S)


class Sender(Door):
    """A script that uploads a file, and after a broken line goes on where the file ends."""

    def begin(self, size: int) -> str:
        return str(self.post("/uploads", {"size_bytes": size})["id"])

    def offset(self, upload: str) -> int:
        until = time.monotonic() + UP_S
        while time.monotonic() < until:
            try:
                answer = httpx.get(self._url(upload), headers=self._headers(), timeout=UP_S)
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            assert answer.is_success, answer.text
            return int(answer.json()["offset"])
        raise AssertionError("never answered")

    def send(self, upload: str, content: bytes, offset: int) -> bool:
        """Return whether all of it was acknowledged."""
        try:
            answer = httpx.put(
                f"{self._url(upload)}?offset={offset}",
                content=slowly(content[offset:]),
                headers=self._headers(),
                timeout=UP_S,
            )
        except httpx.TransportError:
            return False
        assert answer.is_success, answer.text
        return bool(answer.json()["is_whole"])

    def forget(self, upload: str) -> None:
        answer = httpx.delete(self._url(upload), headers=self._headers(), timeout=UP_S)
        assert answer.status_code == 204

    def _url(self, upload: str) -> str:
        return f"{self.house.url}/api/v1/uploads/{upload}"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@pytest.mark.parametrize("n", range(ROUNDS))
def test_an_upload_goes_on_behind_what_arrived(house: HurtHouse, dice: Dice, n: int) -> None:
    name = f"uploaded-{n}"
    head = gguf_bytes(metadata={**TINY_METADATA, "general.name": name})
    content = head + dice.randbytes(SIZE - len(head))
    sender = Sender(house)
    upload, given_up = sender.begin(SIZE), sender.begin(SIZE)
    for _ in range(KILLS):
        offset = sender.offset(upload)
        killer = threading.Thread(target=kill_within, args=[house, dice.uniform(0, LONGEST_S)])
        killer.start()
        is_whole = sender.send(upload, content, offset)
        killer.join()
        house.wait_for_part("web")
        path = UploadFolder(house.data / "uploads").path_of(upload)
        assert path is not None
        assert path.read_bytes() == content[: sender.offset(upload)]
        if is_whole:
            break
    if (offset := sender.offset(upload)) < SIZE:
        assert sender.send(upload, content, offset)
    sender.send(given_up, content[:CHUNK], 0)
    sender.forget(given_up)
    reference = {"upload": upload, "file_name": f"{name}.gguf"}
    sender.post("/models", {"name": name, "source": "upload", "reference": reference})
    house.observer.becomes(lambda: house.has_model(name), PROMISE_S)
    query = (
        "SELECT a.sha256 FROM models_app_artifact a JOIN models_app_languagemodel m"
        " ON m.id = a.model_id WHERE m.name = ?"
    )
    stored = [row["sha256"] for row in house.observer.rows(query, name)]
    assert stored == [hashlib.sha256(content).hexdigest()]
    assert [path.name for path in (house.data / "uploads").iterdir()] == []
