"""What can be set on the fake engine: how fast, how slow, how badly."""

from typing import Literal

from pydantic import Field

from workers.engines.parameters import Parameters

MAX_TOKENS = 1_000_000
StartFailure = Literal["OUT_OF_MEMORY", "ARTIFACT_INVALID", "PORT_IN_USE", "ENGINE_EXITED"]


class FakeParameters(Parameters):
    """Delays, speeds and faults; every one has a default that behaves well."""

    context_length: int = Field(
        4096,
        title="Context length",
        description="Tokens that a request and its answer may have together.",
        ge=16,
        le=MAX_TOKENS,
    )
    parallel_sequences: int = Field(
        4,
        title="Requests at a time",
        description="Requests answered at the same time; more of them wait their turn.",
        ge=1,
        le=256,
    )
    first_token_delay_s: float = Field(
        0.02,
        title="Delay of the first token",
        description="Seconds before an answer begins.",
        ge=0,
        le=3600,
    )
    tokens_per_s: float = Field(
        60.0,
        title="Tokens per second",
        description="Speed of one answer; 0 is as fast as the machine can.",
        ge=0,
        le=100_000,
    )
    stall_after_tokens: int | None = Field(
        None,
        title="Stall after tokens",
        description="Each answer stops after so many tokens and never goes on.",
        ge=0,
        le=MAX_TOKENS,
    )
    crash_after_tokens: int | None = Field(
        None,
        title="Crash after tokens",
        description="The engine dies when an answer reaches so many tokens.",
        ge=0,
        le=MAX_TOKENS,
    )
    startup_delay_s: float = Field(
        0.0,
        title="Duration of the start",
        description="Seconds between the start and being ready.",
        ge=0,
        le=86_400,
    )
    startup_silent: bool = Field(
        False,  # noqa: FBT003 - a default
        title="Start in silence",
        description="No sign of progress during the start: a start that hangs.",
    )
    fail_start: StartFailure | None = Field(
        None,
        title="Fail at the start",
        description="The failure with which the engine ends instead of being ready.",
    )
    memory_mb: int = Field(
        0,
        title="Memory to hold (MiB)",
        description="Memory that the engine takes and keeps.",
        ge=0,
        le=1 << 20,
    )
    memory_limit_mb: int | None = Field(
        None,
        title="Memory limit (MiB)",
        description="Memory that the engine may take at most; it fails when it needs more.",
        ge=16,
        le=1 << 20,
    )
    seed: int | None = Field(
        None,
        title="Seed",
        description="The same seed and question give the same answer; empty: a new one each time.",
        ge=0,
        le=(1 << 32) - 1,
    )
