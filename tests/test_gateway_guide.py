"""What docs/gateway.md says is so: its calls of the REST API work, figures and codes are real."""

import json
import re
import shlex
from collections.abc import Iterator

import pytest

from controlplane.gateway.v1 import error_shapes
from controlplane.wording.error_tables import SENTENCES
from models_app.domain.gateway import KEY_LIMITS
from models_app.models import User
from tests.controlplane.api.callers import caller_of
from tests.factories import make_deployment
from tests.raised_codes import ROOT

GUIDE = (ROOT / "docs" / "gateway.md").read_text()


def calls() -> Iterator[tuple[str, str, object]]:
    """Every call of the REST API in the guide: method, path, body."""
    for block in re.findall(r"```sh\n(.*?)```", GUIDE, flags=re.DOTALL):
        text = re.sub(r"^#.*$", "", block, flags=re.MULTILINE).replace("\\\n", " ")
        for command in re.split(r"\n(?=curl)|^(?=curl)", text):
            words = shlex.split(command)
            if not words or words[0] != "curl" or "/api/v1/" not in command:
                continue
            path = next(w for w in words if "/api/v1/" in w).removeprefix("$SLIPWAY/api/v1")
            method = words[words.index("-X") + 1] if "-X" in words else "GET"
            body = json.loads(words[words.index("-d") + 1]) if "-d" in words else None
            yield method, path, body


def test_the_calls_of_the_guide_work_in_its_order(alice: User) -> None:
    for name in ("smollm2", "candidate", "spare"):
        make_deployment(name)
    caller = caller_of(alice)
    made = list(calls())
    assert len(made) >= 9
    for method, path, body in made:
        answer = caller.call(method, path, body)
        assert answer.status_code in (200, 201, 204), (path, answer.content)


def test_the_codes_of_the_guide_are_those_of_the_gateway() -> None:
    told = set(re.findall(r"^\| \d{3} \| `(\w+)`", GUIDE, flags=re.MULTILINE))
    real = {code for _type, code in error_shapes._KNOWN.values()}
    assert told
    assert told <= real | {code.lower() for code in SENTENCES}


@pytest.mark.parametrize(
    ("name", "shown"),
    [("requests_per_minute", "60"), ("tokens_per_minute", "100,000"), ("concurrent_requests", "8")],
)
def test_the_limits_of_a_new_key_are_as_told(name: str, shown: str) -> None:
    assert f"| `{name}` | {shown} |" in GUIDE
    assert f"{getattr(KEY_LIMITS, name):,}" == shown
