"""Plausible, varied text for the fake engine: the same seed gives the same answer."""

import random
import re
from collections.abc import Iterator

_OPENINGS = (
    "In short,", "A good place to start is this:", "Here is one way to look at it.", "Put simply,",
    "It depends, but usually", "The usual answer is that", "Most of the time", "As a rule,",
)  # fmt: skip
_SUBJECTS = (
    "a small model", "the cache", "a careful reader", "the scheduler", "an old lighthouse",
    "the engine", "a steady hand", "the harbour", "a long context", "the first token",
    "a quiet morning", "the network", "a well-kept ledger", "the gardener", "a spare disk",
)  # fmt: skip
_VERBS = (
    "keeps", "answers", "finds", "measures", "carries", "remembers", "balances", "repairs",
    "follows", "describes", "outlasts", "explains", "shares", "weighs",
)  # fmt: skip
_OBJECTS = (
    "more than it promises", "what the request needs", "its own figures", "the shortest path",
    "every word of the question", "a little memory in reserve", "the work of the day",
    "both ends of the line", "the difference between fast and soon", "the rest of the story",
    "one thing at a time", "the ships that pass at night",
)  # fmt: skip
_LINKS = ("and", "while", "because", "although", "so that", "until", "whenever")
_ENDS = (".", ".", ".", ".", "!", ".\n\n", ".\n- ")

_TOKEN = re.compile(r"\s*\S{1,6}|\s+")


def count_tokens(text: str) -> int:
    """Return how many tokens the fake engine counts in a text: pieces of up to six characters."""
    return len(_TOKEN.findall(text))


def answer_tokens(prompt: str, seed: int) -> Iterator[str]:
    """Yield the pieces of an answer without end; the caller stops when it has enough."""
    dice = random.Random(f"{seed}:{prompt}")  # noqa: S311 - plausible text, not a secret
    first = f"{dice.choice(_OPENINGS)} "
    yield from _TOKEN.findall(first + _sentence(dice))
    while True:
        yield from _TOKEN.findall(" " + _sentence(dice).capitalize())


def answer_length(prompt: str, seed: int) -> int:
    """Return after how many tokens the answer would end by itself."""
    return random.Random(f"length:{seed}:{prompt}").randint(20, 160)  # noqa: S311


def _sentence(dice: random.Random) -> str:
    def clause() -> str:
        return f"{dice.choice(_SUBJECTS)} {dice.choice(_VERBS)} {dice.choice(_OBJECTS)}"

    text = clause()
    if dice.random() < 0.6:  # noqa: PLR2004
        text += f" {dice.choice(_LINKS)} {clause()}"
    return text + dice.choice(_ENDS)
