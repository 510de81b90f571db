"""How much one request may ask of an engine, whatever its key allows.

A small body can cost an engine everything: a schema that unfolds into a million rules, a thousand
answers at once, a probability for every word of its vocabulary. These are the same for everybody;
an operator moves them by SLIPWAY_REQUEST_BOUNDS ("tools=300,stops=64").
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class RequestBounds:
    """The most of each. Defaults are those of the large hosted APIs, or above them."""

    depth: int = 64  # of objects and lists inside each other, anywhere
    containers: int = 100_000  # objects and lists, anywhere
    choices: int = 4  # n, best_of: answers that are made beside each other
    stops: int = 16
    stop_bytes: int = 4096  # of all of them
    logprobs: int = 20  # likelier words that are told of each word
    biases: int = 1024  # words that are made likelier or less likely
    prompts: int = 2048  # texts of one request
    tokens: int = 10_000_000  # of the answer
    tools: int = 128
    schema_bytes: int = 256 << 10  # of all schemas, patterns and grammars of a request
    schema_depth: int = 32
    schema_members: int = 5000
    repetitions: int = 2000  # maxLength, maxItems, {n} of a pattern, also of one in another


def bounds_of(values: Mapping[str, int]) -> RequestBounds:
    """Return the bounds with those that an operator moved. Raises ValueError."""
    known = {field.name for field in fields(RequestBounds)}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"there is no bound {name!r}; there are {', '.join(sorted(known))}")
        if value < 1:
            raise ValueError(f"{name} has to be 1 at least")
    return RequestBounds(**values)


def read_bounds(text: str) -> RequestBounds:
    """Return the bounds that "name=number,name=number" moves. Raises ValueError."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    return bounds_of({name.strip(): int(value) for name, _, value in pairs})
