"""Bad input of every kind, through every layer: a 4xx with a stable code and a sentence that says
what to do, and nothing half-made left behind, neither a row nor a file.

A port that is taken is not among them: no request can name one (a parameter called `port` is
refused below). The one port that a person chooses is the web server's own, and `make run` refuses
a busy one before anything starts: `tests/controlplane/launch/test_preflight.py`.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings

from models_app.models import Artifact, Chat, User
from tests.controlplane.api.callers import Caller, caller_of
from tests.controlplane.api.routes import make_world
from tests.factories import artifact_facts, make_artifact, make_user, uploaded
from tests.gguf_files import Raw, TensorSpec, gguf_bytes

pytestmark = pytest.mark.django_db

SHAPE = {"code", "detail", "fields", "request_id", "remedy"}


@dataclass(frozen=True)
class Bad:
    """One request that must be refused; `{names}` in it are ids of the world."""

    name: str
    method: str
    path: str
    status: int
    code: str
    body: Any = None
    raw: bytes | None = None
    field_: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def wish(**changes: Any) -> dict[str, Any]:
    return {"name": "second", "artifact": "{artifact}", **changes}


def from_url(url: str) -> dict[str, Any]:
    return {"name": "new", "source": "url", "reference": {"url": url}}


def place(
    name: str, about: str, code: str = "REFERENCE_INVALID", status: int = 422, **said: str
) -> Bad:
    """An import from somewhere that cannot be; `about` is the field that the answer must name."""
    source = said.pop("source", "file" if "path" in said else "upload")
    body = {"name": "new", "source": source, "reference": said}
    return Bad(name, "POST", "/models", status, code, body, field_=about and f"reference.{about}")


def forbidden(name: str, url: str, code: str = "URL_FORBIDDEN") -> Bad:
    return Bad(
        f"url to {name}", "POST", "/models", 422, code, from_url(url), field_="reference.url"
    )


BODIES = [
    Bad("no json", "POST", "/deployments", 400, "MALFORMED_BODY", raw=b"{"),
    Bad("not utf-8", "POST", "/deployments", 400, "MALFORMED_BODY", raw=b"\xff\xfe{}"),
    Bad("nested 40 deep", "POST", "/hosts", 400, "MALFORMED_BODY", raw=b"[" * 40 + b"]" * 40),
    Bad("NaN", "POST", "/fits", 400, "MALFORMED_BODY", raw=b'{"artifact": NaN}'),
    Bad("a NUL", "POST", "/models", 400, "MALFORMED_BODY", raw=b'{"name": "a\\u0000"}'),
    Bad("half a surrogate", "POST", "/chats", 400, "MALFORMED_BODY", raw=b'{"title":"\\ud800"}'),
    Bad("2 MiB", "POST", "/chats", 413, "TOO_LARGE", raw=b'{"title": "' + b"x" * (2 << 20) + b'"}'),
    Bad("a list", "POST", "/deployments", 422, "INVALID", raw=b"[]"),
    Bad("nothing", "POST", "/deployments", 422, "INVALID", raw=b""),
]
FIELDS = [
    Bad("unknown field", "POST", "/deployments", 422, "INVALID", wish(owner=1), field_="owner"),
    Bad(
        "the container's own field",
        "POST",
        "/deployments",
        422,
        "INVALID",
        wish(HostConfig={"Privileged": True}),
        field_="HostConfig",
    ),
    Bad("a text for a number", "POST", "/deployments", 422, "INVALID", wish(replicas="3")),
    Bad("a true for a number", "POST", "/deployments", 422, "INVALID", wish(replicas=True)),
    Bad("too many", "POST", "/deployments", 422, "REPLICAS_OUT_OF_RANGE", wish(replicas=10**9)),
    Bad(
        "a port",
        "POST",
        "/deployments",
        422,
        "PARAMETERS_INVALID",
        wish(parameters={"port": 8400}),
        field_="parameters.port",
    ),
    Bad(
        "flags of the engine",
        "POST",
        "/deployments",
        422,
        "PARAMETERS_INVALID",
        wish(parameters={"argv": ["--model", "/etc/passwd"]}),
        field_="parameters.argv",
    ),
    Bad(
        "a context larger than the model's",
        "POST",
        "/deployments",
        422,
        "CONTEXT_TOO_LARGE",
        wish(parameters={"context_length": 16_384}),
        field_="parameters.context_length",
    ),
    Bad(
        "a revision with it",
        "POST",
        "/deployments/{deployment}/revisions",
        422,
        "CONTEXT_TOO_LARGE",
        {"parameters": {"context_length": 16_384}},
    ),
    Bad("name with ../", "POST", "/deployments", 422, "NAME_INVALID", wish(name="../../etc/x")),
    Bad(
        "a model's with ../",
        "POST",
        "/models",
        422,
        "NAME_INVALID",
        {**from_url("https://x.example/a.gguf"), "name": "../x"},
    ),
    Bad("a host's with ../", "POST", "/hosts", 422, "NAME_INVALID", {"name": "../x"}),
    Bad("an unknown query", "GET", "/hosts?stat=ready", 422, "INVALID", field_="stat"),
    Bad("an odd cursor", "GET", "/hosts?cursor=AAAA", 422, "CURSOR_INVALID", field_="cursor"),
    Bad("a version that was", "POST", "/hosts/{host}/cordon", 409, "STALE", {"version": 99}),
    Bad("a taken name", "POST", "/deployments", 409, "NAME_TAKEN", wish(name="chat")),
    Bad(
        "a revision that never was",
        "POST",
        "/deployments/{deployment}/roll-back",
        404,
        "REVISION_UNKNOWN",
        {"number": 99},
    ),
    Bad(
        "a key of 200 letters",
        "POST",
        "/chats",
        422,
        "IDEMPOTENCY_KEY_INVALID",
        {"title": "t", "content": {}},
        headers={"Idempotency_Key": "k" * 200},
    ),
]
NOBODY = "00000000-0000-4000-8000-000000000000"
IDS = [
    Bad("no such host", "GET", f"/hosts/{NOBODY}", 404, "NOT_FOUND"),
    Bad("a number", "GET", "/deployments/1", 404, "NOT_FOUND"),
    Bad("a way out", "GET", "/deployments/..%2f..%2fetc", 404, "ROUTE_UNKNOWN"),
    Bad("an artifact that is not", "POST", "/deployments", 404, "NOT_FOUND", wish(artifact=NOBODY)),
    Bad("another's chat", "GET", "/chats/{others_chat}", 404, "NOT_FOUND"),
    Bad("to change it", "PATCH", "/chats/{others_chat}", 404, "NOT_FOUND", {"title": "mine"}),
    Bad("to delete it", "DELETE", "/chats/{others_chat}", 404, "NOT_FOUND"),
    Bad("another's upload", "GET", "/uploads/{others_upload}", 404, "UPLOAD_UNKNOWN"),
    Bad("to write into it", "PUT", "/uploads/{others_upload}", 404, "UPLOAD_UNKNOWN", raw=b"x"),
    Bad("to delete it too", "DELETE", "/uploads/{others_upload}", 404, "UPLOAD_UNKNOWN"),
    Bad(
        "to import it",
        "POST",
        "/models",
        404,
        "UPLOAD_UNKNOWN",
        {"name": "new", "source": "upload", "reference": {"upload": "{others_upload}"}},
        field_="reference.upload",
    ),
]
PLACES = [
    forbidden("loopback", "http://127.0.0.1:6379/"),
    forbidden("loopback by name", "http://localhost/a.gguf"),
    forbidden("loopback in hex", "http://0x7f000001/"),
    forbidden("loopback as a number", "http://2130706433/"),
    forbidden("loopback in short", "http://127.1/"),
    forbidden("this machine", "http://0/"),
    forbidden("loopback in IPv6", "http://[::1]/"),
    forbidden("loopback mapped", "http://[::ffff:127.0.0.1]/"),
    forbidden("metadata", "http://169.254.169.254/latest/meta-data/"),
    forbidden("metadata mapped", "http://[::ffff:169.254.169.254]/"),
    forbidden("metadata of another cloud", "http://100.100.100.200/"),
    forbidden("a file", "file:///etc/passwd", "URL_INVALID"),
    forbidden("a socket", "unix:///var/run/docker.sock", "URL_INVALID"),
    forbidden("gopher", "gopher://redis:6379/_X", "URL_INVALID"),
    forbidden("a trick with @", "http://ok.example@127.0.0.1/", "URL_INVALID"),
    forbidden("a trick with \\", "http://ok.example\\@127.0.0.1/", "URL_INVALID"),
    place("path of the kernel", "path", path="/proc/self/environ"),
    place("a device", "path", path="/dev/zero"),
    place("path with ..", "path", path="/models/../etc/passwd"),
    place("path from nowhere", "path", path="a.gguf"),
    place("path to nothing", "path", "PATH_MISSING", path="/no/such.gguf"),
    place("a folder", "path", "PATH_INVALID", path="/etc"),
    place("no model at all", "path", "NOT_A_MODEL", path="/etc/passwd"),
    place("no such source", "", "SOURCE_UNKNOWN", source="torrent"),
    place("no such bundle", "key", source="bundled", key="x"),
    place("a field of another source", "path", source="url", path="/a"),
    place("an odd sum", "sha256", source="url", url="https://x.example/a", sha256="zz"),
    place("a name that leads away", "file_name", upload="{upload}", file_name="../../x.gguf"),
    place("an upload half done", "", "UPLOAD_UNFINISHED", 409, upload="{upload}"),
    Bad("an upload of 5 TiB", "POST", "/uploads", 413, "UPLOAD_TOO_LARGE", {"size_bytes": 5 << 40}),
    Bad("an upload of nothing", "POST", "/uploads", 422, "INVALID", {"size_bytes": 0}),
    Bad("more than said", "PUT", "/uploads/{upload}", 413, "UPLOAD_OVERRUN", raw=b"x" * 11),
    Bad("from the middle", "PUT", "/uploads/{upload}?offset=5", 409, "UPLOAD_OFFSET", raw=b"x"),
]


@pytest.fixture
def everyone(alice: User) -> Caller:
    """An admin's script: what is refused to her is refused to all."""
    return caller_of(alice)


@pytest.fixture
def world(alice: User) -> dict[str, str]:
    """One of everything, and what is somebody else's."""
    found = make_world(alice)
    other = make_user("stranger", "operator")  # type: ignore[arg-type]
    Artifact.objects.update(facts=artifact_facts(context_length=8192))
    chat = Chat.objects.create(user=other, title="Theirs", content={})
    found["others_chat"] = str(chat.public_id)
    found["others_upload"] = uploaded(other, gguf_bytes())
    return found


def left_behind() -> tuple[dict[str, int], dict[str, int]]:
    """Every row of ours, and every file of the data folder that an import may make."""
    rows = {
        model.__name__: model._default_manager.count()
        for model in apps.get_app_config("models_app").get_models()
    }
    folders = (settings.PATHS.uploads, settings.PATHS.models)
    files = {
        str(path): path.stat().st_size
        for folder in folders
        for path in Path(folder).rglob("*")
        if path.is_file()
    }
    return rows, files


@pytest.mark.parametrize("bad", [*BODIES, *FIELDS, *IDS, *PLACES], ids=lambda bad: bad.name)
def test_it_is_refused_with_a_way_out_and_leaves_nothing(
    everyone: Caller, world: dict[str, str], bad: Bad
) -> None:
    path = bad.path.format(**world)
    body = _filled(bad.body, world)
    before = left_behind()
    if bad.raw is None:
        response = everyone.call(bad.method, path, body, **bad.headers)
    else:
        response = everyone.send(bad.method, path, bad.raw, **bad.headers)
    assert response.status_code == bad.status, response.content
    told = response.json()
    assert set(told) == SHAPE
    assert told["code"] == bad.code
    assert told["detail"].strip()
    assert told["remedy"].strip()
    if bad.field_:
        assert bad.field_ in told["fields"], told["fields"]
    assert left_behind() == before


def _filled(value: Any, world: dict[str, str]) -> Any:
    if isinstance(value, str) and value.startswith("{"):
        return value.format(**world)
    if isinstance(value, dict):
        return {key: _filled(part, world) for key, part in value.items()}
    return value


def huge_count() -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, 10**18, 1)


FILES: dict[str, Callable[[], bytes]] = {
    "a text file": lambda: b"just some text, renamed to .gguf\n" * 100,
    "nothing but the magic": lambda: b"GGUF",
    "cut in the header": lambda: gguf_bytes()[:200],
    "cut in the weights": lambda: gguf_bytes()[:-64],
    "10^18 tensors": huge_count,
    "10^18 keys": lambda: b"GGUF" + struct.pack("<IQQ", 3, 1, 10**18),
    "an offset past the end": lambda: gguf_bytes(
        tensors=[TensorSpec("token_embd.weight", (64, 3), "Q8_0", offset=1 << 40)]
    ),
    "dimensions that overflow": lambda: gguf_bytes(
        tensors=[TensorSpec("t", (1 << 40, 1 << 40), "F32", offset=0)], with_data=False
    ),
    "a string of 2^60 bytes": lambda: (
        b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + struct.pack("<Q", 1 << 60)
    ),
    "an alignment of 0": lambda: gguf_bytes(metadata={"general.alignment": 0}),
    "an array of arrays": lambda: gguf_bytes(
        metadata={"a": Raw(9, struct.pack("<IQ", 9, 1) + bytes(16))}
    ),
    "another version": lambda: gguf_bytes(version=99),
    "one part of many": lambda: gguf_bytes(metadata={"split.count": 3}),
    "no weights": lambda: gguf_bytes(tensors=[]),
    "a pickle": lambda: b"\x80\x04cos\nsystem\n(S'id'\ntR.",
    "a zip": lambda: b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("way", ["upload", "file"])
@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_no_model_is_refused_when_it_is_named(
    everyone: Caller, world: dict[str, str], tmp_path: Path, kind: str, way: str
) -> None:
    content = FILES[kind]()
    before = left_behind()
    if way == "upload":
        reference = {"upload": uploaded(everyone.user, content), "file_name": "model.gguf"}
    else:
        path = tmp_path / "model.gguf"
        path.write_bytes(content)
        reference = {"path": str(path)}
    response = everyone.post("/models", {"name": "new", "source": way, "reference": reference})
    assert response.status_code == 422, response.content
    told = response.json()
    assert told["code"] == "NOT_A_MODEL"
    assert told["fields"][f"reference.{'upload' if way == 'upload' else 'path'}"]["detail"]
    assert told["detail"].startswith(("The file", "This is", "The weights"))
    assert told["remedy"]
    assert left_behind() == before, "neither a row, nor the upload"


def test_the_files_of_this_suite_are_bad_for_one_reason_only(
    everyone: Caller, tmp_path: Path
) -> None:
    """The honest file that they are made from is taken: it is the lie that is refused."""
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf_bytes())
    body = {"name": "new", "source": "file", "reference": {"path": str(path)}}
    assert everyone.post("/models", body).status_code == 202


def test_an_unready_artifact_is_not_deployed(everyone: Caller, world: dict[str, str]) -> None:
    artifact = make_artifact(state="missing")
    before = left_behind()
    body = {"name": "third", "artifact": str(artifact.public_id)}
    response = everyone.post("/deployments", body)
    assert (response.status_code, response.json()["code"]) == (409, "ARTIFACT_NOT_READY")
    assert left_behind() == before
