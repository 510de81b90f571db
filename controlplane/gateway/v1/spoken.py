"""The closed list of what may be asked, and in which dialect it is answered.

What is not here is not found, whatever an engine behind would answer to it.
"""

from dataclasses import dataclass
from enum import StrEnum

from models_app.domain.gateway import KeyRoute


class Dialect(StrEnum):
    """In which shape errors are told."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    OLLAMA = "ollama"


@dataclass(frozen=True, slots=True)
class Spoken:
    """One kind of request: where it goes at the engine, and how its answer looks."""

    path: str  # at the engine
    route: KeyRoute
    dialect: Dialect = Dialect.OPENAI
    usage_on_wish: bool = False  # a stream tells its usage only when asked
    passed_headers: tuple[str, ...] = ()  # of the client's, to the engine


POSTS: dict[str, Spoken] = {
    "/v1/chat/completions": Spoken("/v1/chat/completions", KeyRoute.CHAT, usage_on_wish=True),
    "/v1/completions": Spoken("/v1/completions", KeyRoute.COMPLETIONS, usage_on_wish=True),
    "/v1/embeddings": Spoken("/v1/embeddings", KeyRoute.EMBEDDINGS),
    "/v1/responses": Spoken("/v1/responses", KeyRoute.RESPONSES),
    "/v1/messages": Spoken(
        "/v1/messages",
        KeyRoute.MESSAGES,
        Dialect.ANTHROPIC,
        passed_headers=("anthropic-version", "anthropic-beta"),
    ),
}
MODELS = "/v1/models"
PREFIX = "/v1/"


def dialect_of(path: str) -> Dialect:
    """Return in which shape an error on this path is told."""
    spoken = POSTS.get(path)
    if spoken is not None:
        return spoken.dialect
    return Dialect.OPENAI if path.startswith("/v1") else Dialect.OLLAMA
