"""The shape of a failure's words: sentences from the most telling to the plainest, and remedies."""

from dataclasses import dataclass

from django.utils.functional import Promise

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Words:
    """The first sentence whose figures are all known is shown."""

    sentences: tuple[Text, ...]
    remedies: tuple[Text, ...]
