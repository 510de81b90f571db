import json
from dataclasses import replace

import pytest

from controlplane.gateway.addressing import addressed_to
from models_app.domain.routes import ReplicaRoute

OURS = ReplicaRoute("r", 1, 0, "slipway-a-0-r1", "here", "127.0.0.1:1", 1)
DEFAULTS = (("temperature", 0.3), ("top_p", 0.8))
SHARED = ReplicaRoute("r", 1, 0, "slipway-a-0-r1", "lan", "10.0.0.7:1", 1, "slipway-x/a:1")


def test_a_shared_server_is_asked_for_the_model_by_its_name_there() -> None:
    body = json.dumps({"model": "chat", "messages": [{"role": "user", "content": "è"}]}).encode()
    sent = json.loads(addressed_to(SHARED, body))
    assert sent == json.loads(body) | {"model": "slipway-x/a:1"}


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"text"'])
def test_what_is_no_request_passes_as_it_came(body: bytes) -> None:
    assert addressed_to(SHARED, body) == body


def test_a_server_of_our_own_gets_the_bytes_as_they_came() -> None:
    body = b'{ "model" : "chat" }'
    assert addressed_to(OURS, body) is body


def test_no_other_spelling_of_the_key_decides_on_a_shared_server() -> None:
    body = b'{"model":"mine","MODEL":"others","model":"others","x":1.50}'
    assert addressed_to(SHARED, body) == b'{"model":"slipway-x/a:1","x":1.50}'


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, {"temperature": 0.3, "top_p": 0.8}),
        ({"temperature": 0}, {"temperature": 0, "top_p": 0.8}),
        ({"Temperature": 1.5, "top_p": None}, {"Temperature": 1.5, "top_p": 0.8}),
    ],
)
def test_the_models_own_settings_stand_where_a_request_names_none(
    asked: dict[str, object], sent: dict[str, object]
) -> None:
    ours = replace(OURS, request_defaults=DEFAULTS)
    body = {"model": "chat", "messages": [1, 2.50], **asked}
    assert json.loads(addressed_to(ours, json.dumps(body).encode())) == body | sent


def test_no_field_comes_in_a_second_spelling_to_a_shared_server() -> None:
    body = b'{"model":"mine","max_tokens":5,"MAX_TOKENS":100000,"Stream":true,"max_to\\u212aens":9}'
    assert addressed_to(SHARED, body) == b'{"model":"slipway-x/a:1","max_tokens":5}'
