"""What the playground asks, checked; and the same for a program: as JSON and as curl."""

import json
import shlex
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from models_app.domain.errors import InvalidError

PATH = "/v1/chat/completions"
KEY_VARIABLE = "SLIPWAY_API_KEY"  # as every program on the connect page reads it
MESSAGES = 400
CHARACTERS = 400_000  # of one message
STOPS = 8

TOOLS = 16
TOOL_CHARACTERS = 32_000  # of all of them together

StopText = Annotated[str, Field(min_length=1, max_length=200)]


class Message(BaseModel):
    """One message of the conversation."""

    model_config = ConfigDict(extra="forbid", strict=True)

    role: Literal["system", "user", "assistant"]
    content: str = Field(max_length=CHARACTERS)


class ToolFunction(BaseModel):
    """What the model is told of a function; its parameters are a JSON schema."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    description: str = Field("", max_length=4000)
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})


class Tool(BaseModel):
    """A function that the model may ask for. The playground shows the call and makes none."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["function"] = "function"
    function: ToolFunction


class Parameters(BaseModel):
    """How to answer. What is left out is the engine's to decide."""

    model_config = ConfigDict(extra="forbid")

    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1, le=1_000_000)
    seed: int | None = Field(None, ge=0, le=(1 << 32) - 1)
    stop: list[StopText] = Field(default_factory=list, max_length=STOPS)
    tools: list[Tool] = Field(default_factory=list, max_length=TOOLS)

    @field_validator("tools")
    @classmethod
    def _short(cls, tools: list[Tool]) -> list[Tool]:
        if sum(len(tool.model_dump_json()) for tool in tools) > TOOL_CHARACTERS:
            raise ValueError("too long")
        return tools


class ChatRequest(BaseModel):
    """One question of the playground to one deployment."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern=r"^[A-Za-z0-9-]{1,40}$")
    deployment: str = Field(min_length=1, max_length=60)
    messages: list[Message] = Field(min_length=1, max_length=MESSAGES)
    parameters: Parameters = Field(default_factory=Parameters)

    def body(self, model: str) -> dict[str, Any]:
        """Return the body that the engine gets."""
        return {
            "model": model,
            "messages": [message.model_dump() for message in self.messages],
            **{k: v for k, v in self.parameters.model_dump().items() if v not in (None, [])},
            "stream": True,
            "stream_options": {"include_usage": True},
        }


def chat_request(content: Any) -> ChatRequest:
    """Return the checked request. Raises InvalidError; `fields` names what is wrong."""
    try:
        return ChatRequest.model_validate(content)
    except ValidationError as error:
        places = (".".join(str(part) for part in one["loc"]) for one in error.errors())
        raise InvalidError(fields=dict.fromkeys(places, "VALUE_INVALID")) from error


def as_json(body: dict[str, Any]) -> str:
    """Return the body for reading."""
    return json.dumps(body, indent=2, ensure_ascii=False)


def as_curl(root: str, body: dict[str, Any]) -> str:
    """Return the request to the gateway at `root`, for a POSIX shell.

    Whatever the texts hold is one argument. The key is read from the environment by the shell, so
    what is copied and shown around holds none.
    """
    return " \\\n  ".join(
        (
            f"curl -N {shlex.quote(root + PATH)}",
            f'-H "Authorization: Bearer ${KEY_VARIABLE}"',
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(as_json(body))}",
        )
    )
