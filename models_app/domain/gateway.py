"""What the gateway knows of keys, limits and aliases: plain values, read once and kept in memory.

A gateway key opens `/v1` and nothing else. Its text is `slip_<id>_<secret>`: the id finds the row,
the secret is compared as a keyed digest in constant time.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from models_app.domain.errors import InvalidError

KEY_PREFIX = "slip"
KEY_TEXT_LIMIT = 200  # longer texts are no keys, and are not looked at


class KeyRoute(StrEnum):
    """What a key may ask for; the list of models is open to every good key."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    RESPONSES = "responses"
    MESSAGES = "messages"

    __hash__ = str.__hash__  # an Enum's own is Python, and every request asks a set of them


class KeyStanding(StrEnum):
    """Is a key good? Everything but GOOD is answered alike; the word is for its owner."""

    GOOD = "good"
    REVOKED = "revoked"
    EXPIRED = "expired"
    UNBACKED = "unbacked"  # its owner is disabled, or may no longer have such a key


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be asked; None is no limit. Of a key, and of a deployment."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None
    concurrent_requests: int | None = None
    max_tokens_per_request: int | None = None

    @property
    def is_counted(self) -> bool:
        """Whether one of them needs a counter."""
        return bool(
            self.requests_per_minute
            or self.tokens_per_minute
            or self.tokens_per_day
            or self.concurrent_requests
        )


LARGEST = {
    "requests_per_minute": 1_000_000,
    "tokens_per_minute": 1_000_000_000,
    "tokens_per_day": 1_000_000_000_000,
    "concurrent_requests": 10_000,
    "max_tokens_per_request": 10_000_000,
}
KEY_LIMITS = Limits(requests_per_minute=60, tokens_per_minute=100_000, concurrent_requests=8)
"""What a key gets unless its maker says otherwise."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long an engine may take, in seconds."""

    connect_s: float = 3.0
    first_token_s: float = 60.0
    idle_s: float = 30.0


TIMEOUT_RANGES = {"connect_s": (0.1, 60.0), "first_token_s": (1.0, 3600.0), "idle_s": (1.0, 600.0)}


@dataclass(frozen=True, slots=True)
class GatewayKeyFacts:
    """One key, as the gateway keeps it. `deployments` and `aliases` hold public ids."""

    id: str  # the part of the key's text that may be shown
    row_id: int
    digest: str
    name: str
    every_model: bool  # also those that do not exist yet
    deployments: frozenset[str]
    aliases: frozenset[str]
    routes: frozenset[KeyRoute]
    limits: Limits
    ollama_face: bool
    is_backed: bool  # its owner may have such a key, now
    expires_at: datetime
    revoked_at: datetime | None

    def standing(self, now: datetime) -> KeyStanding:
        """Return whether it is good at this moment; a kept key expires without being read again."""
        if self.revoked_at is not None:
            return KeyStanding.REVOKED
        if self.expires_at <= now:
            return KeyStanding.EXPIRED
        return KeyStanding.GOOD if self.is_backed else KeyStanding.UNBACKED

    def opens_deployment(self, public_id: str) -> bool:
        """Return whether a deployment may be asked by its own name."""
        return self.every_model or public_id in self.deployments

    def opens_alias(self, public_id: str) -> bool:
        """Return whether an alias may be asked; its targets need no scope of their own."""
        return self.every_model or public_id in self.aliases

    def opens_route(self, route: KeyRoute) -> bool:
        """Return whether this kind of request may be made."""
        return route in self.routes


@dataclass(frozen=True, slots=True)
class AliasTarget:
    """A deployment that gets a share of an alias's requests: its weight over the sum of all."""

    deployment_id: str  # public id
    deployment: str  # name
    weight: int


@dataclass(frozen=True, slots=True)
class AliasTargets:
    """An alias: whom it asks by weight, and whom in order when none of those can answer.

    Deployments that are gone are left out; with nothing left the alias has no ready replica.
    """

    id: str  # public id
    name: str
    version: int
    targets: tuple[AliasTarget, ...]
    fallback: tuple[AliasTarget, ...] = ()


def split_key(text: str) -> tuple[str, str] | None:
    """Return id and secret of a key's text; None when it cannot be one."""
    prefix, _, rest = text[: KEY_TEXT_LIMIT + 1].partition("_")
    key_id, _, secret = rest.partition("_")
    is_whole = prefix == KEY_PREFIX and key_id.isalnum() and key_id.isascii() and secret
    return (key_id, secret) if is_whole and len(text) <= KEY_TEXT_LIMIT else None


def limits_of(values: Mapping[str, Any], default: Limits | None = None) -> Limits:
    """Return checked limits; what is not named is as in `default`. Raises InvalidError."""
    _check_names(values, [field.name for field in fields(Limits)], "limits")
    for name, value in values.items():
        is_count = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (is_count and 1 <= value <= LARGEST[name]):
            raise InvalidError(
                "VALUE_OUT_OF_RANGE", fields={f"limits.{name}": "VALUE_OUT_OF_RANGE"}
            )
    return Limits(**{**asdict(default or Limits()), **values})


def timeouts_of(values: Mapping[str, Any]) -> Timeouts:
    """Return checked timeouts; what is not named is the default. Raises InvalidError."""
    _check_names(values, list(TIMEOUT_RANGES), "timeouts")
    for name, value in values.items():
        least, most = TIMEOUT_RANGES[name]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (is_number and least <= value <= most):
            raise InvalidError(
                "VALUE_OUT_OF_RANGE", fields={f"timeouts.{name}": "VALUE_OUT_OF_RANGE"}
            )
    return Timeouts(**values)


def as_values(limits: Limits) -> dict[str, int]:
    """Return what is limited, as it is stored."""
    return {name: value for name, value in asdict(limits).items() if value is not None}


def _check_names(values: Mapping[str, Any], known: list[str], place: str) -> None:
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InvalidError("FIELD_UNKNOWN", fields={f"{place}.{unknown[0][:40]}": "FIELD_UNKNOWN"})
