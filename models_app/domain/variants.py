"""The variants that Slipway ships for any chat model: each a few parameters and a system prompt."""

from collections.abc import Mapping
from dataclasses import dataclass

from models_app.domain.modelfile import Modelfile


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to set up a chat model for one kind of work."""

    key: str
    temperature: float
    top_p: float
    system: str

    def of(self, base: str) -> Modelfile:
        """Return the Modelfile of this variant of a model."""
        parameters = (("temperature", self.temperature), ("top_p", self.top_p))
        return Modelfile(base=base, parameters=parameters, system=self.system)


VARIANTS: Mapping[str, Variant] = {
    variant.key: variant
    for variant in (
        Variant(
            key="reasoning",
            temperature=0.3,
            top_p=0.8,
            system=(
                "You work problems out carefully. Restate what is asked, note what is given, and "
                "go forward in small numbered steps, checking each one before the next. Say when "
                "something is missing or uncertain instead of guessing. End with the answer on a "
                "line of its own."
            ),
        ),
        Variant(
            key="code",
            temperature=0.5,
            top_p=0.9,
            system=(
                "You are a programmer who writes complete, working code. Use the language and the "
                "style of what you are shown, handle errors and edge cases, and keep names plain. "
                "Give the code in one block first, then say in a few sentences how it works and "
                "what it assumes."
            ),
        ),
    )
}
