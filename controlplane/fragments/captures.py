"""The banners that tell everybody whose prompts are kept."""

from typing import Any

from controlplane.fragments.registry import Asked, fragment
from models_app.domain.actors import Actor
from models_app.selectors.captures import running_captures


@fragment(
    "playground.captures",
    template="playground/_captures.html",
    lists=("deployment",),
    every_s=30,
)
def captures(actor: Actor, _asked: Asked) -> dict[str, Any]:
    """Every deployment whose prompts are kept now."""
    return {"captures": list(running_captures(actor))}
