"""What of a client's request goes to an engine: the same on the plain way and on the long one."""

from collections.abc import Callable

from msgspec import Struct

from controlplane.gateway.router import JSON_HEADERS, Ask
from controlplane.gateway.v1.allowance import within_length
from controlplane.gateway.v1.body import Fields, read_fields
from controlplane.gateway.v1.errors import RouteNotAllowedError
from controlplane.gateway.v1.media import refuse_remote_media
from controlplane.gateway.v1.spoken import Spoken
from models_app.domain.gateway import GatewayKeyFacts
from models_app.domain.routes import DeploymentRoute

SESSION_HEADER = b"x-slipway-session"
AFFINITY_HEADER = b"x-slipway-affinity"  # "prefix": prompts that begin alike, one replica's cache
PREFIX_BYTES = 1024


class Wishes(Struct, frozen=True):
    """What the headers of a request ask for."""

    passed: dict[str, str]  # headers for the engine
    session: str = ""  # should meet the same replica again
    by_prefix: bool = False  # so should prompts that begin alike


def wishes_of(header: Callable[[bytes], str], spoken: Spoken) -> Wishes:
    """Return what the headers ask for; `header` gives one by its name, empty for none."""
    passed = JSON_HEADERS
    for name in spoken.passed_headers:
        value = header(name.encode())
        if value:
            passed = {**passed, name: value}
    return Wishes(passed, header(SESSION_HEADER), header(AFFINITY_HEADER) == "prefix")


def understood(key: GatewayKeyFacts, spoken: Spoken, body: bytes) -> Fields:
    """Return what matters of a body that this key may send. Raises SlipwayError."""
    if not key.opens_route(spoken.route):
        raise RouteNotAllowedError(params={"route": str(spoken.route)})
    fields = read_fields(body)
    refuse_remote_media(body)
    return fields


def ask_for(
    key: GatewayKeyFacts,
    route: DeploymentRoute,
    spoken: Spoken,
    wishes: Wishes,
    fields: Fields,
    body: bytes,
) -> Ask:
    """Return the request as one deployment gets it. Raises InvalidError where it asks too much."""
    body = within_length(body, fields, spoken.route, (key.limits, route.limits))
    affinity = _affinity(key, wishes, fields, body)
    return Ask(route.id, spoken.path, body, headers=wishes.passed, caller=key.id, affinity=affinity)


def _affinity(key: GatewayKeyFacts, wishes: Wishes, fields: Fields, body: bytes) -> str:
    """Return what should meet the same replica again, if the client asks for that."""
    session = wishes.session or fields.prompt_cache_key or ""
    if not session and wishes.by_prefix:
        begins = max(0, body.find(b'"messages"'))
        session = body[begins : begins + PREFIX_BYTES].decode("latin-1")
    return f"{key.id}:{session[:PREFIX_BYTES]}" if session else ""
